"""How long to water a bed, from the light that it got and what the soil still holds."""

from dataclasses import dataclass

LITRES_PER_MEGAJOULE = 0.0021  # a tomato plant drinks about 2 ml for each joule per square centimetre
DRAIN_SHARE = 0.25  # a quarter runs off, so that salt does not collect around the roots


@dataclass(frozen=True)
class Bed:
    """A row of plants behind one valve."""

    name: str
    plants: int
    litres_per_minute: float


def water_needed(bed: Bed, light_joules_per_cm2: float, soil_moisture: float) -> float:
    """Return the litres that the bed needs, run-off included.

    Soil that is wetter than 80 % needs none: the roots would lack air.
    """
    if soil_moisture >= 0.80:
        return 0.0
    thirst = light_joules_per_cm2 * LITRES_PER_MEGAJOULE * bed.plants
    dryness = 1.0 + (0.60 - min(soil_moisture, 0.60))
    return thirst * dryness / (1.0 - DRAIN_SHARE)


def valve_minutes(bed: Bed, litres: float, longest: float = 20.0) -> list[float]:
    """Split the watering into openings of at most ``longest`` minutes, all equally long.

    Long openings wash the substrate out, so more short ones are better than one long one.
    """
    minutes = litres / bed.litres_per_minute
    openings = max(1, -(-int(minutes * 60) // int(longest * 60)))
    return [minutes / openings] * openings if minutes else []


def plan_day(beds: list[Bed], light_joules_per_cm2: float, moisture: dict[str, float]) -> dict[str, list[float]]:
    """Return the valve openings of each bed for a day. A bed without a moisture sensor is taken as half wet."""
    plan = {}
    for bed in beds:
        litres = water_needed(bed, light_joules_per_cm2, moisture.get(bed.name, 0.5))
        plan[bed.name] = valve_minutes(bed, litres)
    return plan
