"""What sensors measure: the unit that each property is told in, what else it may be given in, and its range.

A property that is not in `PROPERTIES` is taken too, in whatever unit; nothing is then known of its range.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_MOLAR_LITRES: Final = 24.055
"""Litres of a mole of gas at 293 K and 101.3 kPa, the conditions at which gases are reported
(Source: Directive (EU) 2024/2881 on ambient air quality, article on volumes in its annex of methods)."""


@dataclass(frozen=True, slots=True)
class Property:
    """A measured property.

    Parameters
    ----------
    name : str
        Its name here: ``pm2_5``.
    label : str
        Its name for people: ``PM2.5``.
    unit : str
        The unit that values are told in.
    low, high : float
        What can be measured at all, in ``unit``: a value outside says something of the sensor, not of the air.
        Small negative concentrations are noise around zero; the upper end is where common sensors saturate.
    molar_mass : float, optional
        Grams of a mole, of a gas: parts per billion can then be converted.
    """

    name: str
    label: str
    unit: str
    low: float
    high: float
    molar_mass: float | None = None

    @property
    def concentration(self) -> bool:
        """Whether it is a concentration in air: never truly negative, and skewed."""
        return self.unit in _MASS


_MASS: Final = {"µg/m³": 1.0, "mg/m³": 1e3, "ng/m³": 1e-3, "g/m³": 1e6}
_PARTS: Final = {"ppb": 1.0, "ppm": 1e3}
_KNOWN: Final = (
    Property("pm1", "PM1", "µg/m³", -5, 999),
    Property("pm2_5", "PM2.5", "µg/m³", -5, 999),
    Property("pm10", "PM10", "µg/m³", -5, 1999),
    Property("no2", "NO2", "µg/m³", -5, 2_000, 46.006),
    Property("no", "NO", "µg/m³", -5, 3_000, 30.006),
    Property("o3", "O3", "µg/m³", -5, 1_000, 47.998),
    Property("so2", "SO2", "µg/m³", -5, 5_000, 64.066),
    Property("co", "CO", "mg/m³", -0.5, 200, 28.010),
    Property("temperature", "temperature", "°C", -60, 60),
    Property("humidity", "relative humidity", "%", 0, 101),
    Property("pressure", "air pressure", "hPa", 800, 1_100),
    Property("noise", "noise level", "dB", 0, 150),
)
PROPERTIES: Final = {known.name: known for known in _KNOWN}
"""What is known, by name."""

_SIGNS: Final = {"ug/m3": "µg/m³", "mg/m3": "mg/m³", "ng/m3": "ng/m³", "g/m3": "g/m³", "c": "°C", "degc": "°C"}
_SIGNS_TOO: Final = {"°c": "°C", "cel": "°C", "percent": "%", "hpa": "hPa", "mbar": "hPa", "pa": "Pa", "db": "dB"}
_DBA: Final = {"db(a)": "dB", "dba": "dB", "ppb": "ppb", "ppm": "ppm", "%": "%", "k": "K", "f": "°F", "°f": "°F"}
_SPELLED: Final = _SIGNS | _SIGNS_TOO | _DBA
_LINEAR: Final = {
    ("Pa", "hPa"): (0.01, 0.0),
    ("K", "°C"): (1.0, -273.15),
    ("°F", "°C"): (5 / 9, -160 / 9),
}


def property_name(text: str) -> str:
    """Return the name of a property however it is written: ``PM2.5``, ``pm25`` and ``PM2_5`` → ``pm2_5``.

    What is not known comes back in lower case with ``_`` for what is no letter or digit.
    """
    name = re.sub(r"[^a-z0-9]+", "_", text.strip().lower()).strip("_")
    bare = name.replace("_", "")
    return next((known for known in PROPERTIES if known.replace("_", "") == bare), name)


def unit_sign(text: str) -> str:
    """Return the sign of a unit however it is written: ``ug/m3``, ``μg/m^3`` and ``µg m-3`` → ``µg/m³``."""
    plain = text.strip().replace("μ", "u").replace("µ", "u").replace("³", "3").replace("^", "")
    plain = re.sub(r"\s*m-3$|\s*m\*\*-?3$", "/m3", plain).replace(" ", "")
    return _SPELLED.get(plain.lower(), text.strip())


def conversion(name: str, unit: str) -> tuple[float, float] | None:
    """Return factor and offset from ``unit`` to the unit of property ``name``; None where there is none.

    A property that is not known keeps its unit. Parts per billion are converted for gases only, at 293 K and
    101.3 kPa.
    """
    known, sign = PROPERTIES.get(name), unit_sign(unit)
    if known is None or sign == known.unit:
        return 1.0, 0.0
    if known.concentration:
        if sign in _MASS:
            return _MASS[sign] / _MASS[known.unit], 0.0
        if sign in _PARTS and known.molar_mass:
            return _PARTS[sign] * known.molar_mass / _MOLAR_LITRES / _MASS[known.unit], 0.0
        return None
    return _LINEAR.get((sign, known.unit))
