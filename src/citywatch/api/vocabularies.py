"""Our faults in the words of ONVIF, of picture diagnosis and of GB/T 28181, and our tickets in those of other desks."""

from __future__ import annotations

from fastapi import FastAPI
from pydantic import BaseModel, Field

from citywatch.api.problems import responses
from citywatch.api.shared import Api
from citywatch.domain.ticket_words import DESK_CITATIONS, DESK_WORDS, TICKET_WORDS, Desk, states_of
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


class TicketWords(BaseModel):
    """What a state of a ticket is called at other desks; empty where that desk has no word."""

    state: str = Field(examples=["on_hold"])
    how: str = Field(description="How a ticket ended, or what came of it; empty for the state itself", examples=[""])
    gb30428: str = Field(examples=["handle"])
    itil: str = Field(examples=["on_hold"])
    open311: str = Field(examples=["open"])
    digitraffic: str = Field(examples=["6"])


class DeskWordView(BaseModel):
    """One word of another desk: the states that it can mean, likeliest first, or why none."""

    desk: Desk
    word: str = Field(examples=["in_progress"])
    meaning: str = Field(examples=["somebody works on it"])
    states: list[str] = Field(examples=[["accepted"]])
    none_because: str = Field(examples=[""])
    check: bool = Field(description="Not compared with the standard's own text", examples=[False])


class Vocabularies(BaseModel):
    """The mapping table, both ways."""

    faults: list[FaultWords]
    words: list[WordView]
    tickets: list[TicketWords]
    desk_words: list[DeskWordView]
    sources: dict[str, str] = Field(description="Where the words of each vocabulary are from")


def routes(app: FastAPI, api: Api) -> None:
    del api

    @app.get(
        "/api/v1/vocabularies", tags=["overview"], summary="Our faults in the words of others", responses=responses()
    )
    async def vocabularies() -> Vocabularies:
        """One table between our faults, ONVIF's tampering names, picture diagnosis and GB/T 28181 alarms; another
        between the states of our tickets, GB/T 30428.8, service desks after ITIL, Open311 and Digitraffic."""
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
            tickets=[
                TicketWords(
                    state=stands.state.value,
                    how=stands.how,
                    **{desk.value: word for desk, word in stands.words.items()},
                )
                for stands in TICKET_WORDS
            ],
            desk_words=[
                DeskWordView(
                    desk=word.desk,
                    word=word.word,
                    meaning=word.meaning,
                    states=list(dict.fromkeys(stands.state.value for stands in states_of(word))),
                    none_because=word.none_because,
                    check=word.check,
                )
                for word in DESK_WORDS
            ],
            sources={name.value: text for name, text in (*CITATIONS.items(), *DESK_CITATIONS.items())},
        )
