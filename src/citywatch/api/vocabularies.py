"""Our faults in the words of ONVIF, of picture diagnosis and of GB/T 28181."""

from __future__ import annotations

from fastapi import FastAPI
from pydantic import BaseModel, Field

from citywatch.api.problems import responses
from citywatch.api.shared import Api
from citywatch.domain.vocabularies import CAMERA_FAULTS, CITATIONS, WORDS, Vocabulary, words_for


class FaultWords(BaseModel):
    """What one fault is called elsewhere, best word first; an empty list where there is no word."""

    fault: str = Field(examples=["covered"])
    onvif: list[str] = Field(examples=[["TamperingDetection"]])
    diagnosis: list[str] = Field(examples=[["tampering"]])
    gb28181: list[str] = Field(description="`method.type` of the alarm", examples=[["5.13"]])


class WordView(BaseModel):
    """One foreign word: the faults that it can mean, likeliest first, or why none."""

    vocabulary: Vocabulary
    word: str = Field(examples=["ImageTooDark"])
    meaning: str = Field(examples=["the picture is too dark"])
    faults: list[str] = Field(examples=[["black"]])
    none_because: str = Field(examples=[""])
    check: bool = Field(description="Not compared with the standard's own text", examples=[False])


class Vocabularies(BaseModel):
    """The mapping table, both ways."""

    faults: list[FaultWords]
    words: list[WordView]
    sources: dict[str, str] = Field(description="Where the words of each vocabulary are from")


def routes(app: FastAPI, api: Api) -> None:
    del api

    @app.get(
        "/api/v1/vocabularies", tags=["overview"], summary="Our faults in the words of others", responses=responses()
    )
    async def vocabularies() -> Vocabularies:
        """One table between our faults, ONVIF's tampering names, picture diagnosis and GB/T 28181 alarms."""
        return Vocabularies(
            faults=[
                FaultWords(
                    fault=fault.value,
                    **{name.value: [word.word for word in words_for(fault, name)] for name in Vocabulary},
                )
                for fault in CAMERA_FAULTS
            ],
            words=[
                WordView(
                    vocabulary=word.vocabulary,
                    word=word.word,
                    meaning=word.meaning,
                    faults=[fault.value for fault in word.faults],
                    none_because=word.none_because,
                    check=word.check,
                )
                for word in WORDS
            ],
            sources={name.value: text for name, text in CITATIONS.items()},
        )
