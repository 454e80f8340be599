"""Domains and host names, normalized from user input."""

import ipaddress
import re
import unicodedata

import idna
from django.utils.translation import gettext as _

from crm.core.text.addresses import ascii_domain
from crm.core.text.normalization import is_too_long, isolate, normalize_line

MAX_DOMAIN_LENGTH = 255
DEFAULT_PORTS = {"http": "80", "https": "443"}
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
# Unicode categories that a label may have beyond ASCII: letters, marks, digits, pictographs,
# joiners, and the dots of other scripts.
_IN_NAMES = frozenset({"Ll", "Lm", "Lo", "Lt", "Lu", "Mc", "Mn", "Nd", "So", "Sk", "Cf", "Po"})
_SCHEME = re.compile(r"(?:(?P<scheme>[a-z][a-z0-9+.-]*):)?//", re.IGNORECASE)
# Addresses that are of no site, as `mailto:…`: a word and a colon, but no port.
_OTHER_SCHEME = re.compile(r"[a-z][a-z0-9+-]*:(?!\d|\*)", re.IGNORECASE)
# What typists and copied texts leave around an address.
AROUND = " \t\r\n\"'«»“”<>,;"


class InvalidDomain(ValueError):
    """A line that is not a valid domain; the message is user-readable."""


def normalize_domain(line: str) -> str:
    """Return the normalized form of a domain: ``shop.example``, ``*.shop.example`` or with a port.

    A pasted URL is accepted: its scheme, path, default port and ``www.`` are dropped, and an
    international name becomes punycode, as browsers send it. Raise InvalidDomain.
    """
    if is_too_long(line, MAX_DOMAIN_LENGTH):
        raise InvalidDomain(_("This name is too long for a domain."))
    text = normalize_line(line).strip(AROUND)
    scheme = ""
    if found := _SCHEME.match(text):
        scheme = (found["scheme"] or "").lower()
        text = text[found.end() :]
    is_other = scheme not in DEFAULT_PORTS if scheme else _OTHER_SCHEME.match(text)
    if is_other:
        raise InvalidDomain(
            _("“%(text)s” is not a web address: it has to begin with https://.")
            % {"text": isolate(text)}
        )
    if "@" in text.split("/")[0]:
        raise InvalidDomain(
            _("“%(text)s” is an email address. Write only the site, as shop.example.")
            % {"text": isolate(text)}
        )
    host, port = _split(text)
    name = _normalize_host(host, text)
    is_default = port == DEFAULT_PORTS.get(scheme) or (not scheme and port in {"80", "443"})
    shown = f"[{name}]" if ":" in name else name
    normalized = f"{shown}:{port}" if port and not is_default else shown
    if len(normalized) > MAX_DOMAIN_LENGTH:
        raise InvalidDomain(_("This name is too long for a domain."))
    return normalized


def normalize_host(text: str) -> str:
    """Return the host name of a company's site: ``shop.example`` of ``https://www.Shop.example/x``.

    An international name becomes punycode. Raise InvalidDomain for what is no name of the internet:
    an address of a computer, ``localhost``, a name with a star.
    """
    domain = normalize_domain(text)
    host = domain if domain.startswith("[") else domain.partition(":")[0]
    if host.startswith(("[", "*")) or host == "localhost" or _ip_address(host)[0]:
        raise InvalidDomain(
            _("“%(text)s” names no site. Write a domain, as shop.example.")
            % {"text": isolate(normalize_line(text))}
        )
    return host


def display_domain(domain: str) -> str:
    """Return a domain for display: ``кофе.example`` instead of punycode."""
    labels = []
    for label in domain.split("."):
        try:
            labels.append(idna.decode(label) if label.startswith("xn--") else label)
        except idna.IDNAError:
            labels.append(label)
    return ".".join(labels)


def _split(text: str) -> tuple[str, str]:
    """Return host and port of a URL's authority."""
    place = re.split(r"[/?#\\]", text, maxsplit=1)[0]
    if place.startswith("["):
        host, bracket, rest = place[1:].partition("]")
        if not bracket or ":" not in host or rest[:1] not in {"", ":"}:
            raise InvalidDomain(
                _("“%(text)s” is neither a domain nor an address of a computer.")
                % {"text": isolate(text)}
            )
        port = rest[1:]
    elif place.count(":") > 1:
        return place, ""
    else:
        host, _colon, port = place.partition(":")
    if port and port != "*" and not _is_port(port):
        raise InvalidDomain(
            _("“%(port)s” is not a port: it has to be between 1 and 65535.")
            % {"port": isolate(port)}
        )
    return host, port


def _is_port(text: str) -> bool:
    is_number = text.isascii() and text.isdigit() and len(text) < 6
    return is_number and 0 < int(text) < 65536


def _normalize_host(host: str, text: str) -> str:
    host = host.rstrip(".").lower()
    if not host:
        raise InvalidDomain(
            _("“%(text)s” names no site. Write a domain, as shop.example.")
            % {"text": isolate(text)}
        )
    is_address, address = _ip_address(host)
    if is_address:
        return address
    if re.search(r"\s", host):
        raise InvalidDomain(
            _("“%(text)s” has a space in it. Write one domain a line.") % {"text": isolate(text)}
        )
    wildcard, name = ("*.", host[2:]) if host.startswith("*.") else ("", host)
    if "*" in name:
        raise InvalidDomain(
            _("A star may stand only at the beginning, as in *.shop.example.")
            if name != "*"
            else _("A star alone would allow every site. Name yours, as shop.example.")
        )
    ascii_name = _punycode(name, text)
    labels = ascii_name.split(".")
    if not all(_LABEL.fullmatch(label) for label in labels):
        raise InvalidDomain(
            _("“%(text)s” is not a domain: only letters, digits, hyphens and dots are possible.")
            % {"text": isolate(text)}
        )
    if ascii_name == "localhost":
        if wildcard:
            raise InvalidDomain(_("localhost has no subdomains. Write localhost."))
        return ascii_name
    if len(labels) < 2:
        if wildcard:
            raise InvalidDomain(
                _("“%(text)s” would allow the sites of everybody. Write *.shop.example.")
                % {"text": isolate(text)}
            )
        raise InvalidDomain(
            _("“%(text)s” lacks its ending. Write the whole domain, as %(text)s.com.")
            % {"text": isolate(display_domain(ascii_name))}
        )
    if labels[-1].isdigit():
        raise InvalidDomain(
            _("“%(text)s” is neither a domain nor an address of a computer.")
            % {"text": isolate(text)}
        )
    if not wildcard and labels[0] == "www" and len(labels) > 2:
        # `shop.example` stands for both, see chat.services.visitors.
        ascii_name = ".".join(labels[1:])
    return wildcard + ascii_name


def _ip_address(host: str) -> tuple[bool, str]:
    try:
        return True, str(ipaddress.ip_address(host))
    except ValueError:
        return False, ""


def _punycode(name: str, text: str) -> str:
    """Return a name as browsers send it, also one with pictographs, which are registered too."""
    if all(
        character.isascii() or unicodedata.category(character) in _IN_NAMES for character in name
    ):
        return ascii_domain(name)
    raise InvalidDomain(
        _("“%(text)s” is not a domain: only letters, digits, hyphens and dots are possible.")
        % {"text": isolate(text)}
    )
