"""The data sets by name, each with where it comes from and the recipe that suits it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from glassgpt.config import Normalization


@dataclass(frozen=True, slots=True)
class Recipe:
    """The settings that suit a data set; whatever is not named here keeps its default."""

    block_size: int = 16
    learning_rate: float = 0.01
    normalize: Normalization = "none"


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known of a data set before it is read."""

    name: str
    title: str
    language: str
    source: str
    licence: str
    count: int
    recipe: Recipe = Recipe()
    url: str = ""
    """Empty for a bundled set; else downloaded on request into the user's cache directory."""
    sha256: str = ""

    @property
    def path(self) -> Path:
        """Of the bundled file."""
        return Path(__file__).with_name(f"{self.name}.txt")


_OURS = "MIT, as GlassGPT"
_NAMES = "https://raw.githubusercontent.com/karpathy/makemore/988aa59/names.txt"

REGISTRY: dict[str, Entry] = {
    entry.name: entry
    for entry in (
        Entry(
            name="english",
            title="Given names of the English-speaking world",
            language="English",
            source="compiled by hand for GlassGPT",
            licence=_OURS,
            count=4383,
        ),
        Entry(
            name="hindi",
            title="Sanskrit and Hindi given names, traditional and modern, in Devanagari",
            language="Hindi",
            source="compiled by hand for GlassGPT",
            licence=_OURS,
            count=1609,
            recipe=Recipe(block_size=32, learning_rate=0.003, normalize="nfd"),
        ),
        Entry(
            name="startups",
            title="Indian startups and companies",
            language="English",
            source="compiled by hand for GlassGPT; the names belong to their owners",
            licence=_OURS,
            count=2006,
        ),
        Entry(
            name="ten",
            title="Ten popular names, to show how a model memorises",
            language="English",
            source="ten given names of the English list, in this order",
            licence=_OURS,
            count=10,
        ),
        Entry(
            name="names",
            title="The 32,033 names of makemore",
            language="English",
            source=_NAMES,
            licence="MIT (github.com/karpathy/makemore); from US Social Security data",
            count=32_033,
            url=_NAMES,
            sha256="0a30b5557f192f32ab962680889aac5f6fda0f4cecf40a6d0b5694f58ea8cc4d",
        ),
    )
}

BUNDLED = tuple(entry.name for entry in REGISTRY.values() if not entry.url)
