"""Makes small XLSX files by hand, since nothing we depend on writes them."""

import io
import zipfile
from collections.abc import Mapping, Sequence
from datetime import datetime
from xml.sax.saxutils import escape, quoteattr

_EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001 - a worksheet knows no zones
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_DOCUMENT = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_STYLES = (
    f'<styleSheet xmlns="{_MAIN}"><fonts count="1"><font/></fonts><fills count="1"><fill/></fills>'
    '<borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs>'
    '<cellXfs count="2"><xf numFmtId="0"/><xf numFmtId="22" applyNumberFormat="1"/></cellXfs></styleSheet>'
)

Cell = str | float | bool | datetime | None


def workbook(sheets: Mapping[str, Sequence[Sequence[Cell]]]) -> bytes:
    """Return an XLSX file with these worksheets."""
    return package({name: worksheet(rows) for name, rows in sheets.items()})


def worksheet(rows: Sequence[Sequence[Cell]]) -> str:
    """Return the cells of one worksheet as XML."""
    return "".join(
        f'<row r="{y}">{"".join(_cell(f"{chr(64 + x)}{y}", value) for x, value in enumerate(row, start=1))}</row>'
        for y, row in enumerate(rows, start=1)
    )


def package(worksheets: Mapping[str, str]) -> bytes:
    """Zip worksheets, given as the XML of their rows, into an XLSX file."""
    places = [(f"rId{number}", f"worksheets/sheet{number}.xml") for number in range(1, len(worksheets) + 1)]
    sheets = "".join(
        f'<sheet name={quoteattr(name)} sheetId="{number}" r:id="{place[0]}"/>'
        for number, (name, place) in enumerate(zip(worksheets, places, strict=True), start=1)
    )
    files = {
        "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types"/>',
        "_rels/.rels": _relations([("rId1", "xl/workbook.xml", "officeDocument")]),
        "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_DOCUMENT}"><sheets>{sheets}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": _relations(
            [*((key, target, "worksheet") for key, target in places), ("rId0", "styles.xml", "styles")]
        ),
        "xl/styles.xml": _STYLES,
    }
    for (_, target), rows in zip(places, worksheets.values(), strict=True):
        files[f"xl/{target}"] = f'<worksheet xmlns="{_MAIN}"><sheetData>{rows}</sheetData></worksheet>'
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()


def _cell(reference: str, value: Cell) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return f'<c r="{reference}" t="b"><v>{int(value)}</v></c>'
    if isinstance(value, datetime):
        return f'<c r="{reference}" s="1"><v>{(value - _EPOCH).total_seconds() / 86400}</v></c>'
    if isinstance(value, str):
        return f'<c r="{reference}" t="inlineStr"><is><t xml:space="preserve">{escape(value)}</t></is></c>'
    return f'<c r="{reference}"><v>{value!r}</v></c>'


def _relations(entries: Sequence[tuple[str, str, str]]) -> str:
    rows = "".join(f'<Relationship Id="{key}" Type="{_DOCUMENT}/{kind}" Target="{to}"/>' for key, to, kind in entries)
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{rows}</Relationships>'
