"""Records of fixed columns (CASTOR, BeDIT, DITIS, FHWA's W): bytes to numbers and back, by a table of fields.

A layout is data: a row of `fields` for every field of the head, and `axle`, which says how the loads and spacings
follow. The kernels know no unit: what a number means is told in wire/fixed.py. MON has kernels of its own
(kernels/mon.py), whose fields these share. Columns are counted from 1 in what is reported, from 0 in the code.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from citywatch.kernels._jit import kernel
from citywatch.kernels.mon import (
    BEYOND_AXLES,
    EMPTY_LINE,
    NO_SUCH_DATE,
    OK,
    TRUNCATED,
    check_value,
    days_from_civil,
    days_in_month,
    find_beyond,
    read_field,
)

WRONG_RECORD = 8
BAD_TEXT = 9
"""Error codes beside those of kernels/mon.py."""

# The columns of `fields`.
START, WIDTH, LOWEST, HIGHEST, KIND, SLOT = 0, 1, 2, 3, 4, 5
FIELD_COLUMNS = 6

# What a field is: a right-aligned number, one that may be blank, one fixed byte, letters and digits, or anything.
NUMBER, BLANK_NUMBER, LITERAL, WORD, FREE = 0, 1, 2, 3, 4

# Where a number of the head goes: the columns of `values`.
RECORD, DAY, MONTH, YEAR, HOUR, MINUTE, SECOND, HUNDREDTH = 0, 1, 2, 3, 4, 5, 6, 7
SPEED, GROSS, LENGTH, AXLES, DIRECTION, LANE, TRANSVERSE, VEHICLE_CLASS, NOWHERE = 8, 9, 10, 11, 12, 13, 14, 15, 16
LOCAL_MS = 17
SLOTS = 18

# The parts of `axle`: first column, widths of load, track width (0: none) and spacing, most axles, pivot year.
FIRST, LOAD_WIDTH, TRACK_WIDTH, SPACING_WIDTH, MOST, PIVOT = 0, 1, 2, 3, 4, 5
AXLE_PARTS = 6

BLANK_BYTE = 32
NONE = -1
"""In `values`: a field that may be blank was."""
_DAY_MS = 86_400_000


@kernel("boolean(Array(uint8, 1, 'C', readonly=True), int64, int64)")
def is_blank(data: Any, at: int, width: int) -> bool:
    """Whether data[at:at + width] holds nothing but blanks."""
    for i in range(at, at + width):  # noqa: SIM110  (all() of a generator is not compiled)
        if data[i] != BLANK_BYTE:
            return False
    return True


@kernel("boolean(Array(uint8, 1, 'C', readonly=True), int64, int64)")
def is_word(data: Any, at: int, width: int) -> bool:
    """Whether data[at:at + width] holds nothing but ASCII letters and digits."""
    for i in range(at, at + width):
        byte: Any = np.int64(data[i])
        if not (48 <= byte <= 57 or 65 <= byte <= 90 or 97 <= byte <= 122):
            return False
    return True


@kernel(
    "int64(Array(uint8, 1, 'C', readonly=True), int64, int64, Array(int64, 2, 'C', readonly=True),"
    " int64[::1], int64[::1])",
)
def decode_fields(data: Any, start: int, end: int, fields: Any, values: Any, column: Any) -> int:
    """The fields of the head into `values`; see decode_record."""
    for number in range(fields.shape[0]):
        at = start + fields[number, START]
        width = fields[number, WIDTH]
        kind = fields[number, KIND]
        lowest = fields[number, LOWEST]
        column[0] = at - start + 1
        if at + width > end:
            return TRUNCATED
        if kind == LITERAL:
            if data[at] != lowest:
                return WRONG_RECORD
        elif kind == WORD:
            if not is_word(data, at, width):
                return BAD_TEXT
        elif kind == BLANK_NUMBER and is_blank(data, at, width):
            values[fields[number, SLOT]] = NONE
        elif kind != FREE:
            value = read_field(data, at, width, False)
            code = check_value(value, lowest, fields[number, HIGHEST])
            if code != OK:
                return code
            values[fields[number, SLOT]] = value
    return OK


@kernel(
    "int64(Array(uint8, 1, 'C', readonly=True), int64, int64, Array(int64, 1, 'C', readonly=True), int64,"
    " int32[::1], int32[::1], int64[::1])",
)
def decode_loads(data: Any, start: int, end: int, axle: Any, axles: int, load: Any, spacing: Any, column: Any) -> int:
    """Loads, spacings and what stands behind them; see decode_record. Track widths are checked and not kept."""
    at = start + axle[FIRST]
    for number in range(axles):
        for part in range(LOAD_WIDTH, SPACING_WIDTH + 1):
            width = axle[part]
            if width == 0 or (part == SPACING_WIDTH and number == axles - 1):
                continue
            column[0] = at - start + 1
            if at + width > end:
                return TRUNCATED
            value = read_field(data, at, width, False)
            code = check_value(value, 0, 99_999)
            if code != OK:
                return code
            if part == LOAD_WIDTH:
                load[number] = value
            elif part == SPACING_WIDTH:
                spacing[number] = value
            at += width
    spacing[axles - 1] = 0
    beyond = find_beyond(data, at, end)
    if beyond < end:
        column[0] = beyond - start + 1
        return BEYOND_AXLES
    column[0] = 0
    return OK


@kernel(
    "int64(Array(uint8, 1, 'C', readonly=True), int64, int64, Array(int64, 2, 'C', readonly=True),"
    " Array(int64, 1, 'C', readonly=True), int64, int64[::1], int32[::1], int32[::1], int64[::1])",
)
def decode_record(
    data: Any,
    start: int,
    end: int,
    fields: Any,
    axle: Any,
    day_at: int,
    values: Any,
    load: Any,
    spacing: Any,
    column: Any,
) -> int:
    """Decode the line data[start:end]; returns OK or an error code.

    data     (n,) uint8
    fields   (f, FIELD_COLUMNS) int64: the layout's head, field by field
    axle     (AXLE_PARTS,) int64
    day_at   1-based column of the day, named when the month has no such day
    values   (SLOTS,) int64, out: raw numbers as they stand, 0 for fields that the layout lacks, and LOCAL_MS
    load, spacing  (MOST,) int32, out: only the first values[AXLES] are written
    column   (1,) int64, out: the 1-based column of the field or byte that is wrong; 0 when OK
    """
    if start == end:
        column[0] = 1
        return EMPTY_LINE
    values[:] = 0
    code = decode_fields(data, start, end, fields, values, column)
    if code != OK:
        return code
    if axle[PIVOT] > 0:
        values[YEAR] += 1900 if values[YEAR] >= axle[PIVOT] else 2000
    if values[DAY] > days_in_month(values[YEAR], values[MONTH]):
        column[0] = day_at
        return NO_SUCH_DATE
    days = days_from_civil(values[YEAR], values[MONTH], values[DAY])
    of_day = (values[HOUR] * 60 + values[MINUTE]) * 60_000 + values[SECOND] * 1000 + values[HUNDREDTH] * 10
    values[LOCAL_MS] = days * _DAY_MS + of_day
    return decode_loads(data, start, end, axle, values[AXLES], load, spacing, column)


@kernel(
    "int64(Array(uint8, 1, 'C', readonly=True), Array(int64, 1, 'C', readonly=True),"
    " Array(int64, 1, 'C', readonly=True), Array(int64, 2, 'C', readonly=True), Array(int64, 1, 'C', readonly=True),"
    " int64, int64[:, ::1], int32[:, ::1], int32[:, ::1], uint8[::1], int64[::1])",
)
def decode_records(
    data: Any,
    starts: Any,
    ends: Any,
    fields: Any,
    axle: Any,
    day_at: int,
    values: Any,
    load: Any,
    spacing: Any,
    error: Any,
    column: Any,
) -> int:
    """Decode many lines; returns how many are good. Arguments as decode_record, one row a line.

    starts, ends   (rows,) int64: where each line stands in data
    values         (rows, SLOTS) int64, out
    load, spacing  (rows, MOST) int32, out
    error          (rows,) uint8, out: OK or an error code
    column         (rows,) int64, out
    """
    good = 0
    for row in range(starts.shape[0]):
        code = decode_record(
            data,
            starts[row],
            ends[row],
            fields,
            axle,
            day_at,
            values[row],
            load[row],
            spacing[row],
            column[row : row + 1],
        )
        error[row] = code
        if code == OK:
            good += 1
    return good


@kernel("void(int32[:, ::1], Array(int64, 1, 'C', readonly=True), int64[:, ::1], int32[:, ::1])")
def pack_loads(table: Any, rows: Any, values: Any, out: Any) -> None:
    """Copy the axles of chosen rows into a table without gaps, as kernels/mon.py's pack_axles.

    table  (n, MOST) int32; rows (m,) int64; values (n, SLOTS) int64; out (m, k) int32, zeros
    """
    for i in range(rows.shape[0]):
        row = rows[i]
        for number in range(values[row, AXLES]):
            out[i, number] = table[row, number]


@kernel("void(uint8[::1], int64, int64, int64, int64)")
def put_number(line: Any, at: int, width: int, value: int, fill: int) -> None:
    """Write a number that is not negative right-aligned into line[at:at + width], behind `fill` bytes. It must fit."""
    rest = value
    for i in range(at + width - 1, at - 1, -1):
        line[i] = 48 + rest % 10 if rest > 0 or i == at + width - 1 else fill
        rest //= 10


@kernel(
    "void(Array(int64, 2, 'C', readonly=True), Array(int32, 2, 'C', readonly=True),"
    " Array(int32, 2, 'C', readonly=True), Array(uint8, 2, 'C', readonly=True), Array(int64, 2, 'C', readonly=True),"
    " Array(int64, 1, 'C', readonly=True), int64, boolean, uint8[:, ::1])",
)
def encode_records(
    values: Any, load: Any, spacing: Any, word: Any, fields: Any, axle: Any, fill: int, zero_pad: bool, out: Any
) -> None:
    """Write rows as lines, each ended by LF. Every value must be in its field's range.

    values         (rows, SLOTS) int64: raw numbers; NONE leaves a field that may be blank so
    load, spacing  (rows, k) int32: raw numbers
    word           (rows, w) uint8: the bytes of the WORD fields of each row, one behind the other
    fields, axle   the layout, as decode_record
    fill           the byte in front of a number: a blank or '0'
    zero_pad       write 0 for the axles behind the last one; else blanks
    out            (rows, line + 1) uint8, out: as wide as MOST axles need, the last spacing left out
    """
    for row in range(values.shape[0]):
        line = out[row]
        line[:] = BLANK_BYTE
        word_at = 0
        for number in range(fields.shape[0]):
            at = fields[number, START]
            width = fields[number, WIDTH]
            kind = fields[number, KIND]
            if kind == LITERAL:
                line[at] = fields[number, LOWEST]
            elif kind == WORD:
                for i in range(width):
                    line[at + i] = word[row, word_at + i]
                word_at += width
            elif kind != FREE and values[row, fields[number, SLOT]] != NONE:
                put_number(line, at, width, values[row, fields[number, SLOT]], fill)
        at = axle[FIRST]
        for number in range(axle[MOST]):
            there = number < values[row, AXLES]
            if not there and not zero_pad:
                break
            last = number + 1 >= values[row, AXLES]
            for part in range(LOAD_WIDTH, SPACING_WIDTH + 1):
                width = axle[part]
                if width == 0 or (part == SPACING_WIDTH and (number == axle[MOST] - 1 or (last and not zero_pad))):
                    continue
                value = 0
                if part == LOAD_WIDTH and there:
                    value = load[row, number]
                elif part == SPACING_WIDTH and not last:
                    value = spacing[row, number]
                put_number(line, at, width, value, fill)
                at += width
        line[out.shape[1] - 1] = 10
