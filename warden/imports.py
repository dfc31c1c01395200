"""Partners from a spreadsheet: headers recognised, cells read and checked, then stored all or none (docs/import.md)."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from collectors.sheet import Row, SheetError, Table, normalise_header, read_table
from warden.calendars import time_zones
from warden.db import Database
from warden.domain import LOCALES, Stage
from warden.errors import Fault, InvalidInput
from warden.store import identifiers, partner_import, partners, people
from warden.store.partner_import import AliasCell, ImportResult, KeyCell, OnConflict, PartnerRow, PersonCells

HEADERS: Mapping[str, str] = {
    "name": "partner|partner name|vendor|supplier|company|合作夥伴|夥伴名稱|名稱|供應商|公司"
    "|合作伙伴|伙伴名称|名称|供应商|đối tác|tên đối tác|tên|nhà cung cấp",
    "tier": "level|class|等級|層級|等级|层级|hạng|cấp",
    "stage": "status|life cycle|階段|狀態|阶段|状态|giai đoạn|trạng thái",
    "country": "國家|国家|quốc gia|nước",
    "region": "area|地區|區域|地区|区域|khu vực|vùng",
    "time_zone": "timezone|時區|时区|múi giờ",
    "annual_value": "annual spend|spend|revenue|年度金額|年金額|年度金额|年金额|giá trị hằng năm|giá trị năm",
    "currency": "幣別|貨幣|币种|货币|tiền tệ",
    "share": "share of spend|share of revenue|占比|佔比|份额|tỷ trọng|tỉ trọng",
    "months_to_replace": "replacement months|替換月數|替换月数|số tháng thay thế",
    "single_source": "sole source|唯一來源|單一來源|唯一来源|单一来源|nguồn duy nhất",
    "contract_end": "contract end date|contract expiry|合約到期日|合約到期|合同到期日|合同到期"
    "|ngày hết hạn hợp đồng|hết hạn hợp đồng",
    "notes": "note|remarks|comment|備註|备注|ghi chú",
    "tags": "labels|標籤|标签|nhãn|thẻ",
    "aliases": "alias|also known as|別名|别名|tên khác|bí danh",
    "domains": "domain|website domain|網域|域名|tên miền",
    "emails": "email|e mail|mail|電子郵件|電郵|邮箱|电子邮件|thư điện tử",
    "supplier_codes": "supplier code|vendor code|vendor id|供應商代碼|供應商編號|供应商代码|供应商编号|mã nhà cung cấp",
    "identifiers": "identifier|識別碼|标识符|mã định danh",
    "owner_email": "owner|owner e mail|負責人信箱|負責人|负责人邮箱|负责人|email người phụ trách|người phụ trách",
    "owner_name": "負責人姓名|负责人姓名|tên người phụ trách",
    "owner_locale": "owner language|負責人語言|负责人语言|ngôn ngữ người phụ trách",
    "owner_time_zone": "負責人時區|负责人时区|múi giờ người phụ trách",
    "sponsor_email": "sponsor|executive sponsor|高層信箱|高層負責人|高层邮箱|高层负责人"
    "|email lãnh đạo bảo trợ|lãnh đạo bảo trợ",
    "sponsor_name": "高層姓名|高层姓名|tên lãnh đạo bảo trợ",
    "sponsor_locale": "sponsor language|高層語言|高层语言|ngôn ngữ lãnh đạo bảo trợ",
    "sponsor_time_zone": "高層時區|高层时区|múi giờ lãnh đạo bảo trợ",
    "counterpart_email": "counterpart|對方高層信箱|對方高層|对方高层邮箱|对方高层"
    "|email lãnh đạo đối tác|lãnh đạo đối tác",
    "counterpart_name": "對方高層姓名|对方高层姓名|tên lãnh đạo đối tác",
    "counterpart_locale": "counterpart language|對方高層語言|对方高层语言|ngôn ngữ lãnh đạo đối tác",
    "counterpart_time_zone": "對方高層時區|对方高层时区|múi giờ lãnh đạo đối tác",
}
"""Our columns, and the other headers each is recognised by, in four languages."""

MAX_FAULTS = 100
"""That many are told one by one."""

ROLES = ("owner", "sponsor", "counterpart")
_KEY_COLUMNS = {"domains": "domain", "emails": "email", "supplier_codes": "supplier_code"}
_ALIAS_FLAGS = frozenset({"case_sensitive", "needs_context", "exclude"})
_YES = frozenset({"yes", "y", "true", "1", "x", "是", "有", "có", "đúng"})
_NO = frozenset({"no", "n", "false", "0", "否", "無", "无", "không", "sai"})
_NUMBER = re.compile(r"-?(?:\d+|\d{1,3}(?:,\d{3})+)(?:\.\d+)?")


class _Unreadable(ValueError):
    """A cell that cannot be read; says what was found and what was expected."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """A table read: its rows, everything wrong with it, and the headers that were not recognised."""

    rows: list[PartnerRow]
    faults: list[Fault]
    ignored: list[str]


def import_partners(
    db: Database,
    data: bytes,
    *,
    filename: str,
    now: datetime,
    mapping: Mapping[str, str] | None = None,
    on_conflict: OnConflict = OnConflict.STOP,
    dry_run: bool = False,
    encoding: str | None = None,
    sheet: str | None = None,
) -> ImportResult:
    """Import partners from CSV or XLSX bytes in one transaction: all rows, or none and the faults.

    `mapping` names our columns' headers in this file (ours → theirs). `dry_run` does everything and takes it back.
    """
    try:
        table = read_table(data, filename=filename, encoding=encoding, sheet=sheet)
    except SheetError as error:
        return ImportResult(faults=(Fault("file", str(error)),))
    parsed = parse(table, mapping or {})
    if parsed.faults:
        return ImportResult(faults=_told(parsed.faults), ignored=tuple(parsed.ignored))
    try:
        with db.write() as session:
            result = partner_import.write(session, parsed.rows, on_conflict, now)
            if dry_run:
                session.rollback()
    except InvalidInput as error:
        result = ImportResult(faults=_told(error.faults))
    return ImportResult(result.created, result.updated, result.skipped, result.faults, tuple(parsed.ignored))


def _told(faults: Sequence[Fault]) -> tuple[Fault, ...]:
    more = len(faults) - MAX_FAULTS
    return tuple(faults) if more <= 0 else (*faults[:MAX_FAULTS], Fault("further faults", f"{more} more were found"))


def parse(table: Table, mapping: Mapping[str, str]) -> Parsed:
    """Read a table into rows that are each fine by themselves, with every fault by row and column. Pure."""
    columns, faults = _columns(table.headers, mapping)
    faults += [Fault(problem.where, problem.what) for problem in table.problems]
    rows: list[PartnerRow] = []
    first_rows: dict[str, int] = {}
    for row in table.rows if "name" in columns else ():
        reader = _RowReader(row, columns)
        read = reader.read()
        earlier = first_rows.setdefault(read.name, row.number)
        if read.name and earlier != row.number:
            reader.blame("name", f"{read.name} is also in row {earlier}")
        rows.append(read)
        faults += reader.faults
    if not table.rows and not faults:
        faults.append(Fault("rows", "there is none below the headers, expected one for each partner"))
    ignored = [header for header in table.headers if header not in columns.values()]
    return Parsed(rows, faults, ignored)


def _columns(headers: Sequence[str], mapping: Mapping[str, str]) -> tuple[dict[str, str], list[Fault]]:
    """Return our columns that the file has, each with its header there."""
    faults = [
        Fault("mapping", f"{ours!r} is not one of {', '.join(HEADERS)}") for ours in mapping if ours not in HEADERS
    ]
    theirs = {ours: normalise_header(header) for ours, header in mapping.items() if ours in HEADERS}
    missing = [ours for ours, header in theirs.items() if header not in headers]
    there = ", ".join(headers)
    faults += [
        Fault("mapping", f"the file has no column {mapping[ours]!r} for {ours}; it has: {there}") for ours in missing
    ]
    columns = {ours: header for ours, header in theirs.items() if header in headers}
    for ours, others in HEADERS.items():
        known = [ours, *map(normalise_header, others.split("|"))]
        free = [header for header in headers if header in known and header not in columns.values()]
        if ours not in columns and free:
            columns[ours] = free[0]
    if "name" not in columns and not missing:
        faults.append(Fault("columns", f"no column with the partner's name among {', '.join(headers) or 'none'}"))
    return columns, faults


class _RowReader:
    """Reads one row, collecting what is wrong with it."""

    def __init__(self, row: Row, columns: Mapping[str, str]) -> None:
        self.faults: list[Fault] = []
        self._row = row
        self._columns = columns

    def read(self) -> PartnerRow:
        """Return the row; what could not be read is left out and blamed."""
        name = " ".join(self._text("name").split())
        self._check("name", name or None)
        return PartnerRow(
            number=self._row.number,
            name=name,
            values=dict(self._values()),
            people=dict(self._people()),
            keys=list(self._keys()),
            aliases=self._aliases(),
        )

    def blame(self, column: str, what: str) -> None:
        """Note a fault under the header that stands in the file."""
        self.faults.append(Fault(f"row {self._row.number}, column {self._columns.get(column, column)}", what))

    def _text(self, column: str) -> str:
        return self._row.cells[self._columns[column]] if column in self._columns else ""

    def _check(self, field: str, value: Any) -> bool:
        what = partners.fault_of(field, value)
        if what:
            self.blame(field, what)
        return what is None

    def _values(self) -> Iterator[tuple[str, Any]]:
        for field, read in _READERS.items():
            text = self._text(field)
            if not text:
                continue
            try:
                value = read(text)
            except _Unreadable as error:
                self.blame(field, str(error))
                continue
            if self._check(field, value):
                yield field, value

    def _people(self) -> Iterator[tuple[str, PersonCells]]:
        for role in ROLES:
            cells = {part: self._text(f"{role}_{part}") or None for part in ("email", "name", "locale", "time_zone")}
            if cells["email"] is None:
                given = [f"{role}_{part}" for part, text in cells.items() if text]
                for column in given:
                    self.blame(column, f"is given without {role}_email, by which people are known")
                continue
            person = PersonCells(
                self._columns[f"{role}_email"], cells["email"], cells["name"], cells["locale"], cells["time_zone"]
            )
            if self._is_person(role, person):
                yield role, person

    def _is_person(self, role: str, person: PersonCells) -> bool:
        before = len(self.faults)
        if fault := people.email_fault(person.email):
            self.blame(f"{role}_email", fault)
        if person.locale and person.locale not in LOCALES:
            self.blame(f"{role}_locale", f"{person.locale!r} is not one of {', '.join(LOCALES)}")
        if person.time_zone and person.time_zone not in time_zones():
            self.blame(f"{role}_time_zone", f"{person.time_zone!r} is not a time zone such as Asia/Taipei")
        return len(self.faults) == before

    def _keys(self) -> Iterator[KeyCell]:
        for column, scheme in _KEY_COLUMNS.items():
            for value in _split(self._text(column)):
                yield from self._key(column, scheme, value)
        for text in _split(self._text("identifiers")):
            scheme, colon, value = text.partition(":")
            if colon:
                yield from self._key("identifiers", scheme, value)
            else:
                self.blame("identifiers", f"{_shown(text)} names no scheme, expected scheme:value such as erp:4711")

    def _key(self, column: str, scheme: str, value: str) -> Iterator[KeyCell]:
        try:
            key = identifiers.read_key(scheme, value)
        except InvalidInput as error:
            self.blame(column, error.faults[0].what)
        else:
            yield KeyCell(self._columns[column], key.scheme, key.value)

    def _aliases(self) -> list[AliasCell]:
        cells = [_alias(text) for text in _split(self._text("aliases"))]
        for cell in cells:
            if not cell.text:
                self.blame("aliases", "flags stand without a name before them")
            if len(cell.text) > 200:
                self.blame("aliases", f"{_shown(cell.text)} is longer than 200 characters")
            for flag in sorted(cell.flags - _ALIAS_FLAGS):
                self.blame("aliases", f"{flag!r} is not one of {', '.join(sorted(_ALIAS_FLAGS))}")
        return cells


def _shown(text: str) -> str:
    """Return a cell's text for a message, cut short."""
    return repr(f"{text[:40]}…" if len(text) > 40 else text)


def _split(text: str) -> list[str]:
    """Return the parts of a cell, which semicolons part, each once."""
    parts = (" ".join(part.split()) for part in re.split("[;；\n]", text))
    return list(dict.fromkeys(part for part in parts if part))


def _alias(text: str) -> AliasCell:
    """Read `Name` or `Name [flag flag]`."""
    match = re.fullmatch(r"([^\[\]]*)\[([^\[\]]*)\]", text)
    if match is None:
        return AliasCell(text)
    return AliasCell(match[1].strip(), frozenset(re.findall(r"[^\s,]+", match[2])))


def _stage(text: str) -> Stage:
    try:
        return Stage(text.lower())
    except ValueError as error:
        raise _Unreadable(f"{_shown(text)} is not one of {', '.join(Stage)}") from error


def _decimal(text: str) -> Decimal:
    if not _NUMBER.fullmatch(text):
        raise _Unreadable(f"{_shown(text)} is not a number such as 1250000 or 1,250,000.50")
    try:
        return Decimal(text.replace(",", "")).quantize(Decimal("0.01"))
    except InvalidOperation as error:
        raise _Unreadable(f"{_shown(text)} is too large a number") from error


def _months(text: str) -> float:
    return float(_decimal(text))


def _share(text: str) -> float:
    number = text.removesuffix("%").removesuffix("％").strip()
    if not re.fullmatch(r"\d+(\.\d+)?", number):
        raise _Unreadable(f"{_shown(text)} is not a share such as 12% or 0.12")
    share = float(number) / (1 if number == text else 100)
    if share > 1:
        raise _Unreadable(f"{_shown(text)} is not a share between 0 and 1, that is 0% and 100%")
    return share


def _yes(text: str) -> bool:
    word = text.casefold()
    if word not in _YES | _NO:
        raise _Unreadable(f"{_shown(text)} is neither yes nor no")
    return word in _YES


def _date(text: str) -> date:
    match = re.fullmatch(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[ T]00:00(?::00)?)?", text)
    try:
        return date(*(int(part) for part in match.groups())) if match else date.fromisoformat(text)
    except ValueError as error:
        raise _Unreadable(f"{_shown(text)} is not a date such as 2027-03-31") from error


_READERS: Mapping[str, Callable[[str], Any]] = {
    "tier": str,
    "stage": _stage,
    "country": str.upper,
    "region": str,
    "time_zone": str,
    "annual_value": _decimal,
    "currency": str.upper,
    "share": _share,
    "months_to_replace": _months,
    "single_source": _yes,
    "contract_end": _date,
    "notes": str,
    "tags": _split,
}
