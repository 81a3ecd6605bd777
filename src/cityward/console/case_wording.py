"""The words in which a rule's facts and changes are told to whom they are about, in the languages of residents' pages.

Names of inputs and outputs, and values, stand as the rule has them: a rule is written in one language.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from cityward.answerable.reasons import ENGLISH

WORDING: Final[Mapping[str, Mapping[str, str]]] = {
    "en": ENGLISH,
    "es": {
        "any": "cualquier valor",
        "other": "cualquier otra cosa",
        "others": "otros",
        "missing": "sin dato",
        "yes": "sí",
        "no": "no",
        "or": " o ",
        "and": " y ",
        "either": "{parts}",
        "above": "más de {value}",
        "least": "{value} o más",
        "below": "menos de {value}",
        "most": "{value} como máximo",
        "since": "desde el {value}",
        "until": "hasta el {value}",
        "changed": "«{name}»: {words}",
        "with": "Con {inputs}, la respuesta habría sido {outputs}.",
        "output": "«{name}»: {value}",
        "nothing": "nada",
        "together": "«{one}» y «{two}» juntos ({count} combinaciones)",
        "unknown": "no se sabe",
        "factor": "«{name}»: {value}",
        "asked": "«{name}»: {value} (la regla pide: {words})",
        "not_tried": "No se probó: {what}.",
        "erased": "Se borró lo que se preguntó de este caso; una huella digital prueba qué era.",
        "no_number": "El sistema no dio ningún número para este caso",
        "facts_alone": "{told}; la regla solo mira datos.",
        "computed": "El sistema calculó {estimate}{between}.",
        "between": ", entre {low} y {high}",
        "how_sure": ", y no dice qué tan seguro es",
        "metric": "«{name}»: {value:g} (entre {low:g} y {high:g}, al {level}), {day}, con «{on}».",
    },
    "pt": {
        "any": "qualquer valor",
        "other": "qualquer outra coisa",
        "others": "outros",
        "missing": "sem dado",
        "yes": "sim",
        "no": "não",
        "or": " ou ",
        "and": " e ",
        "either": "{parts}",
        "above": "mais de {value}",
        "least": "{value} ou mais",
        "below": "menos de {value}",
        "most": "{value} no máximo",
        "since": "a partir de {value}",
        "until": "até {value}",
        "changed": "“{name}”: {words}",
        "with": "Com {inputs}, a resposta teria sido {outputs}.",
        "output": "“{name}”: {value}",
        "nothing": "nada",
        "together": "“{one}” e “{two}” juntos ({count} combinações)",
        "unknown": "não se sabe",
        "factor": "“{name}”: {value}",
        "asked": "“{name}”: {value} (a regra pede: {words})",
        "not_tried": "Não se tentou: {what}.",
        "erased": "O que se perguntou deste caso foi apagado; uma impressão digital prova o que era.",
        "no_number": "O sistema não deu nenhum número para este caso",
        "facts_alone": "{told}; a regra só olha dados.",
        "computed": "O sistema calculou {estimate}{between}.",
        "between": ", entre {low} e {high}",
        "how_sure": ", e não diz quão seguro isso é",
        "metric": "“{name}”: {value:g} (entre {low:g} e {high:g}, a {level}), {day}, com “{on}”.",
    },
}
