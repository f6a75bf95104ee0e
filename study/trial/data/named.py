"""Data sets on the hub that have a short name in this project.

Each data set has files that need no code to be read, one configuration for each language (or treebank), and
all its rows: a copy that was cut down or cleaned for another benchmark would not give the numbers that are
published for the data set.
"""

from __future__ import annotations

from dataclasses import dataclass

from study.trial.data.hub import HubData

__all__ = ["NAMED", "NamedData"]

SENTIMENT = {"0": "negative", "1": "neutral", "2": "positive"}


@dataclass(frozen=True)
class NamedData:
    """A data set on the hub, what it is, and how many languages and labels it has."""

    description: str
    languages: int
    labels: int
    source: HubData


NAMED = {
    "massive": NamedData(
        "MASSIVE: what a user wants of a voice assistant, parallel (FitzGerald et al. 2022)",
        languages=51,
        labels=60,
        source=HubData("mteb/amazon_massive_intent", label=("label_text", "label")),
    ),
    "massive-scenario": NamedData(
        "MASSIVE: the scenario of a request to a voice assistant, parallel (FitzGerald et al. 2022)",
        languages=51,
        labels=18,
        source=HubData("mteb/amazon_massive_scenario", label=("label_text", "label")),
    ),
    "tsm": NamedData(
        "Tweet Sentiment Multilingual: sentiment of tweets (Barbieri et al. 2022)",
        languages=8,
        labels=3,
        source=HubData("mteb/tweet_sentiment_multilingual", names=SENTIMENT),
    ),
    "wikiann": NamedData(
        "WikiANN (PAN-X): persons, organisations and places in Wikipedia, as tags (Pan et al. 2017)",
        languages=176,
        labels=7,
        source=HubData("unimelb-nlp/wikiann", text=("tokens",), label=("ner_tags",)),
    ),
    "uner": NamedData(
        "Universal NER v1: persons, organisations and places, by treebank, as tags (Mayhew et al. 2024)",
        languages=18,
        labels=7,
        # The files of universalner/universal_ner as Parquet: that repository has a loading script alone.
        source=HubData("BramVanroy/universal_ner", text=("tokens",), label=("ner_tags",)),
    ),
    "ud-pos": NamedData(
        "Universal Dependencies: parts of speech, by treebank, as tags (Nivre et al. 2020)",
        languages=183,
        labels=18,
        # Its loading script is never run: the hub's own conversion to Parquet is read.
        source=HubData("universal-dependencies/universal_dependencies", text=("tokens",), label=("upos",)),
    ),
    "sib200": NamedData(
        "SIB-200: topic of a sentence, parallel (Adelani et al. 2024)",
        languages=205,
        labels=7,
        source=HubData("Davlan/sib200", label=("category", "label")),
    ),
    "nusax": NamedData(
        "NusaX: sentiment in languages of Indonesia, parallel (Winata et al. 2023)",
        languages=12,
        labels=3,
        source=HubData("mteb/NusaX-senti", names=SENTIMENT),
    ),
    "afrisenti": NamedData(
        "AfriSenti: sentiment of tweets in African languages (Muhammad et al. 2023)",
        languages=14,
        labels=3,
        source=HubData("masakhane/afrisenti", text=("tweet", "text")),
    ),
    "masakhanews": NamedData(
        "MasakhaNEWS: topic of a news article in African languages (Adelani et al. 2023)",
        languages=16,
        labels=7,
        source=HubData("masakhane/masakhanews", label=("category", "label")),
    ),
    "injongo": NamedData(
        "INJONGO: intent of an utterance in African languages (Yu et al. 2025)",
        languages=17,
        labels=40,
        source=HubData("masakhane/InjongoIntent", label=("intent", "label")),
    ),
}
