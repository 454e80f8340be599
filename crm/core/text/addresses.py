"""Email addresses and names of domains, for comparing and for sending."""

import idna

from crm.core.text.normal_forms import normalize_form
from crm.core.text.normalization import normalize_line


def normalize_email(address: str) -> str:
    """Return the normalized email address: lower case, the domain in its own script.

    ``Kim@XN--E1AFMKFD.example`` and ``kim@пример.example`` are one address. A label of the domain
    that the internet's rules refuse (☕) is in punycode, as browsers send it. An invalid address is
    returned normalized, for a validator to reject.
    """
    local, at, domain = normalize_line(address).rpartition("@")
    if not at:
        return domain.lower()
    return normalize_form("NFC", f"{local.lower()}@{_unicode_domain(domain)}")


def ascii_email(address: str) -> str:
    """Return the address with its domain in punycode (``xn--…``)."""
    local, at, domain = address.rpartition("@")
    return f"{local}{at}{ascii_domain(domain)}"


def ascii_domain(domain: str) -> str:
    """Return the domain in punycode (``xn--…``), label by label; one that is no name unchanged."""
    if domain.isascii():
        return domain
    try:
        return ".".join(map(_ascii_label, _mapped_domain(domain).split(".")))
    except UnicodeError:
        return domain


def _mapped_domain(domain: str) -> str:
    """Return the domain as its characters are compared. Raise UnicodeError for what no name has."""
    return idna.uts46_remap(domain, std3_rules=False)


def _unicode_domain(domain: str) -> str:
    try:
        mapped = _mapped_domain(domain)
    except UnicodeError:
        return domain.lower()
    # The database and the rules of domains have another lower case of one script, Cherokee.
    return ".".join(map(_unicode_label, mapped.split("."))).lower()


def _unicode_label(label: str) -> str:
    try:
        return idna.ulabel(label)
    except UnicodeError:
        # Registered all the same, as ☕ and ab--cd are, or no name of the internet's, as `host_1`.
        return _ascii_label(label)


def _ascii_label(label: str) -> str:
    return label if label.isascii() else f"xn--{label.encode('punycode').decode('ascii')}"


def shown_label(label: str) -> str:
    """Return a label in its own script, also one that the rules of domains refuse."""
    try:
        shown = label.removeprefix("xn--").encode("ascii").decode("punycode")
    except UnicodeError:
        return label
    return shown if _ascii_label(shown) == label else label
