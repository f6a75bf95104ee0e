"""The order of languages in tables and figures: by script, then by family, then by code.

Neighbours in this order share letters or ancestors, so a pattern across languages appears as a block. The
table helps the reader and decides no number: a code that is not in the table comes at the end, in
alphabetical order. Summaries over languages (macro, worst, and those of seen and unseen languages) come last.
Scripts and families are those of ISO 15924 and Glottolog, for the usual orthography of
each language.
"""

from __future__ import annotations

from collections.abc import Iterable

from study.config import SUMMARIES

__all__ = ["SUMMARIES", "UNKNOWN", "ordered", "script_of"]

UNKNOWN = "other"

TABLE = """
Latin      Germanic      afr af, dan da, deu de, eng en, fao fo, fry fy, isl is, lim li, ltz lb, nld nl,
                        nno nn, nob nb, nor no, swe sv
Latin      Romance       ast, cat ca, fra fr, glg gl, ita it, lat la, oci oc, por pt, ron ro, spa es
Latin      Celtic        bre br, cym cy, gle ga, gla gd
Latin      Baltic        lav lv, lvs, lit lt
Latin      Slavic        bos bs, ces cs, hrv hr, pol pl, slk sk, slv sl
Latin      Albanian      sqi sq, als
Latin      Uralic        est et, ekk, fin fi, hun hu, sme se
Latin      Basque        eus eu
Latin      Turkic        aze az, azj, tur tr, tuk tk, uzb uz, uzn
Latin      Austronesian  ban, ceb, fil tl, tgl, ilo, ind id, jav jv, min, mlg mg, mri mi, msa ms, sun su, zsm
Latin      Austroasiatic vie vi
Latin      Afro-Asiatic  gaz, hau ha, mlt mt, orm om, som so
Latin      Atlantic-Congo bam bm, bem, ewe ee, fon, ibo ig, kin rw, lin ln, lug lg, nso, nya ny, run rn,
                        pcm, sna sn, sot st, swa sw, swh, tsn tn, tso ts, twi tw, wol wo, xho xh, yor yo,
                          zul zu
Latin      American      aym ay, grn gn, nah, que qu, quy
Latin      Creole        hat ht, pap
Latin      Constructed   epo eo
Greek      Hellenic      ell el, grc
Cyrillic   Slavic        bel be, bul bg, mkd mk, rus ru, srp sr, ukr uk
Cyrillic   Turkic        bak ba, kaz kk, kir ky, tat tt
Cyrillic   other         khk, mon mn, tgk tg
Armenian   Armenian      hye hy
Georgian   Kartvelian    kat ka
Hebrew     Semitic       heb he iw
Hebrew     Germanic      yid yi
Arabic     Semitic       ara ar, arb, ary, arz, apc, arq
Arabic     Iranian       fas fa, pes, prs, ckb, kmr ku, pbt, pus ps
Arabic     Indo-Aryan    snd sd, urd ur
Arabic     Turkic        uig ug
Ethiopic   Semitic       amh am, tir ti
Devanagari Indo-Aryan    bho, hin hi, mai, mar mr, npi, nep ne, san sa
Bengali    Indo-Aryan    asm as, ben bn
Gurmukhi   Indo-Aryan    pan pa
Gujarati   Indo-Aryan    guj gu
Odia       Indo-Aryan    ori or, ory
Sinhala    Indo-Aryan    sin si
Tamil      Dravidian     tam ta
Telugu     Dravidian     tel te
Kannada    Dravidian     kan kn
Malayalam  Dravidian     mal ml
Thai       Kra-Dai       tha th
Lao        Kra-Dai       lao lo
Myanmar    Sino-Tibetan  mya my
Tibetan    Sino-Tibetan  bod bo
Khmer      Austroasiatic khm km
Hangul     Koreanic      kor ko
Japanese   Japonic       jpn ja
Han        Sinitic       cmn, yue, zho zh
"""


def _read(table: str) -> dict[str, tuple[int, str]]:
    """Code -> (number of its line, script). A line that begins with white space continues the line before."""
    places: dict[str, tuple[int, str]] = {}
    lines = table.strip().replace(",\n ", ", ").splitlines()
    for number, line in enumerate(lines):
        script, _, codes = line.split(maxsplit=2)
        places |= dict.fromkeys(codes.replace(",", " ").split(), (number, script))
    return places


PLACES = _read(TABLE)

SCRIPTS = list(dict.fromkeys(script for _, script in PLACES.values()))

SUBTAGS = {
    "arab": "Arabic",
    "cyrl": "Cyrillic",
    "deva": "Devanagari",
    "hans": "Han",
    "hant": "Han",
    "hebr": "Hebrew",
    "latn": "Latin",
}
"""The scripts of ISO 15924 in which a language may be written besides its usual script."""


def ordered(languages: Iterable[str]) -> list[str]:
    """Each of `languages` once: by script and family, then those of unknown script, then macro and worst."""
    return sorted(set(languages), key=_place)


def script_of(language: str) -> str:
    """The script of a code such as `deu`, `de`, `de-DE` or `uz_Cyrl`; `other` if it is unknown."""
    return _entry(language)[1]


def _entry(language: str) -> tuple[int, str]:
    """(place of the family, script)."""
    base, *rest = language.replace("_", "-").lower().split("-")
    place, script = PLACES.get(base, (len(PLACES), UNKNOWN))
    written = [SUBTAGS[part] for part in rest if part in SUBTAGS]
    return place, written[0] if written else script


def _place(language: str) -> tuple[int, int, int, str]:
    if language in SUMMARIES:
        return (1, SUMMARIES.index(language), 0, language)
    family, script = _entry(language)
    return (0, SCRIPTS.index(script) if script in SCRIPTS else len(SCRIPTS), family, language)
