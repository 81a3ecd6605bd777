"""Properties and units are known however they are written, and converted or not at all."""

from __future__ import annotations

import pytest

from cityward.core.properties import PROPERTIES, conversion, property_name, unit_sign


@pytest.mark.parametrize("text", ["PM2.5", "pm25", "PM2_5", " pm 2.5 ", "Pm2,5"])
def test_a_property_has_one_name(text: str) -> None:
    assert property_name(text) == "pm2_5"


def test_an_unknown_property_keeps_a_name_of_its_own() -> None:
    assert property_name("Soil Moisture (5 cm)") == "soil_moisture_5_cm"


@pytest.mark.parametrize("text", ["µg/m³", "μg/m³", "ug/m3", "µg/m^3", "ug m-3", " UG/M3 ", "µg / m³"])
def test_a_unit_has_one_sign(text: str) -> None:
    assert unit_sign(text) == "µg/m³"


@pytest.mark.parametrize(
    ("name", "unit", "value", "told"),
    [
        ("pm10", "mg/m3", 0.045, 45.0),
        ("no2", "ppb", 100.0, 191.25),
        ("o3", "ppm", 0.05, 99.77),
        ("co", "ppm", 1.0, 1.164),
        ("temperature", "°F", 212.0, 100.0),
        ("pressure", "Pa", 101_325.0, 1_013.25),
    ],
)
def test_a_value_is_converted(name: str, unit: str, value: float, told: float) -> None:
    """Of gases at 293 K and 101.3 kPa: 1 ppb of NO2 is 1.9125 µg/m³, of O3 1.9954; 1 ppm of CO is 1.1642 mg/m³."""
    scale = conversion(name, unit)
    assert scale
    assert value * scale[0] + scale[1] == pytest.approx(told, rel=1e-3)


@pytest.mark.parametrize(("name", "unit"), [("pm2_5", "ppb"), ("pm10", "%"), ("temperature", "µg/m³"), ("co", "K")])
def test_a_unit_of_something_else_is_none(name: str, unit: str) -> None:
    assert conversion(name, unit) is None


def test_every_range_is_one() -> None:
    assert all(known.low < known.high for known in PROPERTIES.values())
