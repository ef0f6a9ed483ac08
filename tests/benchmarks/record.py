"""A past for a generated network: what was forecast of the last weeks, when, and what was then sold."""

from __future__ import annotations

import tomllib
from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl

from soe_lib.extract.writing import write

WEEKS, LAGS = 13, 4
ERROR = 0.25
"""Standard deviation of the log of a week's sales against the forecast of the week before."""
LINE = ("item", "location", "customer")


def remember(folder: Path, *, weeks: int = WEEKS, lags: int = LAGS, error: float = ERROR, seed: int = 16) -> Path:
    """Give the newest extract of a company a record of its forecast: versions by ISO week, and sales of finished weeks.

    Each line sells its mean of the horizon times a log-normal factor; the further ahead a forecast was published, the
    more of that factor it missed.

    Parameters
    ----------
    folder : the company's. weeks : that are over. lags : forecasts of each, 0 to `lags` − 1 weeks ahead.
    error : as ERROR. seed : the same seed gives the same bytes.
    """
    newest = sorted(folder.glob("*-*-*"))[-1]
    settings = tomllib.loads((newest / "settings.toml").read_text(encoding="utf-8"))
    as_of, draw = settings["as_of"], np.random.default_rng(seed)
    forecast = pl.read_csv(newest / "forecast.csv", infer_schema_length=None)
    lines = forecast.group_by(LINE, maintain_order=True).agg(pl.col("quantity").mean())
    mean = lines["quantity"].to_numpy()[:, None]
    mondays = pl.Series([as_of - timedelta(weeks=back) for back in range(weeks, 0, -1)])
    shock = draw.normal(0.0, error, (lags, lines.height, weeks)) / np.sqrt(lags)
    sold = np.rint(mean * np.exp(shock.sum(axis=0)))
    line, week = np.indices(sold.shape).reshape(2, -1)
    told = [forecast.with_columns(pl.col("quantity").cast(pl.Float64), version=pl.lit(f"{as_of:%G-W%V}"))]
    for lag in range(lags):
        seen = np.rint(mean * np.exp(shock[lag:].sum(axis=0) - shock[lag]))  # its own shock nobody saw
        version = (mondays - timedelta(weeks=lag)).dt.strftime("%G-W%V")
        names = {name: lines[name].gather(line) for name in LINE}
        when = {"period": mondays.dt.strftime("%G-W%V").gather(week), "version": version.gather(week)}
        told.append(pl.DataFrame({**names, **when, "quantity": seen.ravel()}))
    asked = pl.DataFrame(
        {
            "date": (mondays + timedelta(days=2)).gather(week),
            "measure": "sales",
            **{name: lines[name].gather(line) for name in LINE},
            "quantity": sold.ravel(),
        }
    )
    tables = {one.stem: pl.read_csv(one, infer_schema_length=None) for one in newest.glob("*.csv")}
    tables |= {"forecast": pl.concat(told, how="diagonal"), "actuals": asked}
    settings.pop("control")
    return write(newest, tables, {**settings, "forecast": {"version": f"{as_of:%G-W%V}"}})
