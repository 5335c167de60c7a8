"""MON lines (domain sheet, section 4): bytes to columns and back, every field checked.

A line is 50 columns of head, then ten columns an axle: its load and the spacing to the next axle. What stands behind
the last axle's load is padding: blanks and zeros. Columns are counted from 1 in what is reported, from 0 in the code.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from citywatch.kernels._jit import kernel
from citywatch.kernels.digests import read_eight

OK = 0
EMPTY_LINE = 1
TRUNCATED = 2
BLANK_FIELD = 3
NOT_A_NUMBER = 4
OUT_OF_RANGE = 5
NO_SUCH_DATE = 6
BEYOND_AXLES = 7

# The fields of the head, in the order of the line; their numbers are the columns of the head table too.
RECORD, DAY, MONTH, YEAR, HOUR, MINUTE, MS_OF_MINUTE = 0, 1, 2, 3, 4, 5, 6
AXLES, GROUPS, GROSS_KG, SPEED_KMH, LENGTH_MM, LANE, DIRECTION, TRANSVERSE_MM = 7, 8, 9, 10, 11, 12, 13, 14
FIELDS = 15
LOCAL_MS = 15
"""The last column of the head table: milliseconds from 1970-01-01T00:00 in the scale's local time."""
HEAD_COLUMNS = 16

MAX_AXLES = 40
AXLE_FIELD = 5

WIDTHS = np.array([9, 2, 2, 4, 2, 2, 5, 2, 2, 6, 3, 5, 1, 1, 4], np.int64)
LOWEST = np.array([0, 1, 1, 1970, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, -999], np.int64)
HIGHEST = np.array(
    [999_999_999, 31, 12, 2200, 23, 59, 59_999, MAX_AXLES, MAX_AXLES, 999_999, 999, 99_999, 9, 9, 9_999], np.int64
)
HEAD_WIDTH = int(WIDTHS.sum())

_BLANK = -1_000_000_000
_NO_NUMBER = -1_000_000_001
_DAY_MS = 86_400_000

# Eight bytes of padding at once: blanks (0x20) and zeros (0x30) differ in one bit.
_ALL_BUT_0X10 = np.uint64(0xEFEFEFEFEFEFEFEF)
_BLANKS = np.uint64(0x2020202020202020)


@kernel("int64(Array(uint8, 1, 'C', readonly=True), int64, int64, boolean)")
def read_field(data: Any, at: int, width: int, signed: bool) -> int:
    """The right-aligned integer in data[at:at + width], or _BLANK, or _NO_NUMBER.

    data (n,) uint8. Blanks may stand before the number, nothing behind it; a minus only where `signed`.
    """
    value = 0
    digits = 0
    minus = False
    for i in range(at, at + width):
        byte: Any = np.int64(data[i])
        if 48 <= byte <= 57:
            value = value * 10 + (byte - 48)
            digits += 1
        elif byte == 45 and signed and digits == 0 and not minus:
            minus = True
        elif byte != 32 or digits > 0 or minus:
            return _NO_NUMBER
    if digits == 0:
        return _NO_NUMBER if minus else _BLANK
    return -value if minus else value


@kernel("int64(int64, int64, int64)")
def days_from_civil(year: int, month: int, day: int) -> int:
    """Days from 1970-01-01 to a date of the Gregorian calendar, for years from 1 on.

    Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", days_from_civil.
    """
    y = year - 1 if month <= 2 else year
    era = y // 400
    year_of_era = y - era * 400
    shifted = month - 3 if month > 2 else month + 9
    day_of_year = (153 * shifted + 2) // 5 + day - 1
    return era * 146_097 + year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year - 719_468


@kernel("int64(int64, int64)")
def days_in_month(year: int, month: int) -> int:
    """28 to 31."""
    if month == 2:
        return 29 if (year % 4 == 0 and year % 100 != 0) or year % 400 == 0 else 28
    return 30 if month in (4, 6, 9, 11) else 31


@kernel("int64(Array(uint8, 1, 'C', readonly=True), int64, int64, int64[::1], int64[::1])")
def split_lines(data: Any, start: int, stop: int, starts: Any, ends: Any) -> int:
    """Find the complete lines in data[start:stop]: a line ends before its LF and the CR in front of that.

    data    (n,) uint8
    starts  (rows,) int64, out: the first byte of each line
    ends    (rows,) int64, out: one behind its last byte
    Returns how many were found, at most `rows`.
    """
    found = 0
    begin = start
    for at in range(start, stop):
        if data[at] != 10:
            continue
        if found == starts.shape[0]:
            break
        starts[found] = begin
        ends[found] = at - 1 if at > begin and data[at - 1] == 13 else at
        found += 1
        begin = at + 1
    return found


@kernel("int64(Array(uint8, 1, 'C', readonly=True), int64, int64)")
def find_beyond(data: Any, start: int, end: int) -> int:
    """The first byte of data[start:end] that is neither a blank nor a zero; `end` when there is none."""
    at = start
    while at + 8 <= end and (read_eight(data, at) & _ALL_BUT_0X10) == _BLANKS:
        at += 8
    while at < end:
        byte = data[at]
        if byte != 32 and byte != 48:  # noqa: PLR1714  (a tuple here is slower when compiled)
            return at
        at += 1
    return end


@kernel("int64(int64, int64, int64)")
def check_value(value: int, lowest: int, highest: int) -> int:
    """OK, or the error code of what read_field gave."""
    if value == _BLANK:
        return BLANK_FIELD
    if value == _NO_NUMBER:
        return NOT_A_NUMBER
    return OK if lowest <= value <= highest else OUT_OF_RANGE


@kernel("int64(Array(uint8, 1, 'C', readonly=True), int64, int64, int64[::1], int64[::1])")
def decode_head(data: Any, start: int, end: int, head: Any, column: Any) -> int:
    """The 15 fields of the head; see decode_line."""
    at = start
    for field in range(FIELDS):
        width = WIDTHS[field]
        column[0] = at - start + 1
        if at + width > end:
            return TRUNCATED
        value = read_field(data, at, width, field == TRANSVERSE_MM)
        # There are never more groups than axles.
        code = check_value(value, LOWEST[field], head[AXLES] if field == GROUPS else HIGHEST[field])
        if code != OK:
            return code
        head[field] = value
        at += width
    if head[DAY] > days_in_month(head[YEAR], head[MONTH]):
        column[0] = 1 + WIDTHS[RECORD]
        return NO_SUCH_DATE
    days = days_from_civil(head[YEAR], head[MONTH], head[DAY])
    head[LOCAL_MS] = days * _DAY_MS + head[HOUR] * 3_600_000 + head[MINUTE] * 60_000 + head[MS_OF_MINUTE]
    return OK


@kernel(
    "int64(Array(uint8, 1, 'C', readonly=True), int64, int64, int64, int32[::1], int32[::1], int64[::1])",
)
def decode_axles(data: Any, start: int, end: int, axles: int, axle_kg: Any, spacing_mm: Any, column: Any) -> int:
    """Loads, spacings and padding; see decode_line."""
    at = start + HEAD_WIDTH
    for number in range(2 * axles - 1):
        column[0] = at - start + 1
        if at + AXLE_FIELD > end:
            return TRUNCATED
        value = read_field(data, at, AXLE_FIELD, False)
        code = check_value(value, 0, 99_999)
        if code != OK:
            return code
        if number % 2 == 0:
            axle_kg[number // 2] = value
        else:
            spacing_mm[number // 2] = value
        at += AXLE_FIELD
    spacing_mm[axles - 1] = 0
    beyond = find_beyond(data, at, end)
    if beyond < end:
        column[0] = beyond - start + 1
        return BEYOND_AXLES
    column[0] = 0
    return OK


@kernel(
    "int64(Array(uint8, 1, 'C', readonly=True), int64, int64, int64[::1], int32[::1], int32[::1], int64[::1])",
)
def decode_line(data: Any, start: int, end: int, head: Any, axle_kg: Any, spacing_mm: Any, column: Any) -> int:
    """Decode the line data[start:end]; returns OK or an error code.

    data        (n,) uint8
    head        (HEAD_COLUMNS,) int64, out: the fields as they stand, and LOCAL_MS
    axle_kg     (MAX_AXLES,) int32, out: kg; only the first head[AXLES] are written
    spacing_mm  (MAX_AXLES,) int32, out: mm to the next axle; likewise, 0 for the last
    column      (1,) int64, out: the 1-based column of the field or byte that is wrong; 0 when OK
    """
    if start == end:
        column[0] = 1
        return EMPTY_LINE
    code = decode_head(data, start, end, head, column)
    if code != OK:
        return code
    return decode_axles(data, start, end, head[AXLES], axle_kg, spacing_mm, column)


@kernel(
    "int64(Array(uint8, 1, 'C', readonly=True), Array(int64, 1, 'C', readonly=True),"
    " Array(int64, 1, 'C', readonly=True), int64[:, ::1], int32[:, ::1], int32[:, ::1], uint8[::1], int64[::1])",
)
def decode_lines(
    data: Any, starts: Any, ends: Any, head: Any, axle_kg: Any, spacing_mm: Any, error: Any, column: Any
) -> int:
    """Decode many lines; returns how many are good.

    data        (n,) uint8
    starts, ends  (rows,) int64: where each line stands in data
    head        (rows, HEAD_COLUMNS) int64, out
    axle_kg, spacing_mm  (rows, MAX_AXLES) int32, out: see decode_line
    error       (rows,) uint8, out: OK or an error code
    column      (rows,) int64, out: where it is wrong
    """
    good = 0
    for row in range(starts.shape[0]):
        code = decode_line(
            data, starts[row], ends[row], head[row], axle_kg[row], spacing_mm[row], column[row : row + 1]
        )
        error[row] = code
        if code == OK:
            good += 1
    return good


@kernel("void(int32[:, ::1], Array(int64, 1, 'C', readonly=True), int64[:, ::1], int32[:, ::1])")
def pack_axles(table: Any, rows: Any, head: Any, out: Any) -> None:
    """Copy the axles of chosen rows into a table without gaps.

    table  (n, MAX_AXLES) int32: kg or mm, written as far as each row has axles
    rows   (m,) int64: the rows to copy
    head   (n, HEAD_COLUMNS) int64
    out    (m, k) int32, zeros: k at least the most axles of a chosen row
    """
    for i in range(rows.shape[0]):
        row = rows[i]
        for axle in range(head[row, AXLES]):
            out[i, axle] = table[row, axle]


@kernel("void(uint8[::1], int64, int64, int64)")
def write_field(line: Any, at: int, width: int, value: int) -> None:
    """Write an integer right-aligned into line[at:at + width]; blanks are there already. It must fit.

    line (n,) uint8
    """
    rest = value if value >= 0 else -value
    i = at + width - 1
    while True:
        line[i] = 48 + rest % 10
        rest //= 10
        i -= 1
        if rest == 0:
            break
    if value < 0:
        line[i] = 45


@kernel(
    "void(Array(int64, 2, 'C', readonly=True), Array(int32, 2, 'C', readonly=True),"
    " Array(int32, 2, 'C', readonly=True), int64, uint8[:, ::1])",
)
def encode_lines(head: Any, axle_kg: Any, spacing_mm: Any, axles_written: int, out: Any) -> None:
    """Write rows as MON lines, each ended by LF. Every value must be in its field's range.

    head           (rows, HEAD_COLUMNS) int64: the fields (LOCAL_MS is not read)
    axle_kg, spacing_mm  (rows, k) int32
    axles_written  how many axles a line has room for; those behind the last are written as 0
    out            (rows, HEAD_WIDTH + 10 * axles_written + 1) uint8, out
    """
    for row in range(head.shape[0]):
        line = out[row]
        line[:] = 32
        at = 0
        for field in range(FIELDS):
            write_field(line, at, WIDTHS[field], head[row, field])
            at += WIDTHS[field]
        for axle in range(axles_written):
            there = axle < head[row, AXLES]
            last = axle + 1 >= head[row, AXLES]
            write_field(line, at, AXLE_FIELD, axle_kg[row, axle] if there else 0)
            write_field(line, at + AXLE_FIELD, AXLE_FIELD, 0 if last else spacing_mm[row, axle])
            at += 2 * AXLE_FIELD
        line[at] = 10


@kernel("void(Array(int64, 1, 'C', readonly=True), int64[:, ::1])")
def civil_fields(local_ms: Any, head: Any) -> None:
    """Fill date and time fields of the head from local milliseconds since 1970-01-01T00:00 (years 1970 to 2200).

    local_ms  (rows,) int64
    head      (rows, HEAD_COLUMNS) int64, out: DAY, MONTH, YEAR, HOUR, MINUTE, MS_OF_MINUTE and LOCAL_MS
    Howard Hinnant, as above, civil_from_days.
    """
    for row in range(local_ms.shape[0]):
        days = local_ms[row] // _DAY_MS
        rest = local_ms[row] - days * _DAY_MS
        shifted = days + 719_468
        era = shifted // 146_097
        day_of_era = shifted - era * 146_097
        year_of_era = (day_of_era - day_of_era // 1460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
        day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
        month_from_march = (5 * day_of_year + 2) // 153
        month = month_from_march + 3 if month_from_march < 10 else month_from_march - 9
        head[row, DAY] = day_of_year - (153 * month_from_march + 2) // 5 + 1
        head[row, MONTH] = month
        head[row, YEAR] = year_of_era + era * 400 + (1 if month <= 2 else 0)
        head[row, HOUR] = rest // 3_600_000
        head[row, MINUTE] = rest // 60_000 % 60
        head[row, MS_OF_MINUTE] = rest % 60_000
        head[row, LOCAL_MS] = local_ms[row]
