"""Every sentence that a resident reads about work, in one place, in words that a child of twelve knows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Final

LANGUAGES: Final = {"en": "English", "es": "Español", "pt": "Português"}

_MONTHS: Final = {
    "en": "January February March April May June July August September October November December",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "pt": "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
}

TEXTS: Final[Mapping[str, Mapping[str, str]]] = {
    "en": {
        "title": "Is it fixed?",
        "reported": "Somebody reported: {service}, in {area}, around {day}.",
        "planned": "The city has decided to look after it. It has not begun yet.",
        "sent": "The city has given the work to a crew. It is not done yet.",
        "accepted": "A crew has taken the work. It is not done yet.",
        "done": "The crew says that the work was done on {day}. We want to hear it from you.",
        "confirmed": "You or somebody else said: it is fixed. Thank you.",
        "confirmed_city": "A person of the city looked and says that it is fixed.",
        "reopened": "You or somebody else said: it is not fixed. The city has to look again.",
        "reopened_city": "A person of the city looked and says that it is not fixed. The city has to look again.",
        "cancelled": "The city will not do this work. Ask the city why, with the number below.",
        "question": "Is it fixed?",
        "words": "If not, tell us what is still wrong (you do not have to)",
        "privacy": "Please write no names, telephone numbers or addresses. We take out those that we find.",
        "yes": "Yes, it is fixed",
        "no": "No, it is not fixed",
        "change": "Did you change your mind? You can answer again until {day}.",
        "next": "What happens next",
        "next_done": "If you say yes, the work is closed. If you say no, the city has to do it again. "
        "If nobody answers, we write “not confirmed”, and never “fixed”.",
        "next_confirmed": "The work is closed. If it comes back, you can say so here until {day}.",
        "next_reopened": "The city sends somebody again. If that does not help, a person looks after it.",
        "next_open": "When the work is done, you can say on this page if it is fixed.",
        "next_over": "Nothing more will happen. If it is still wrong, report it again.",
        "number": "Number of this work: {order}",
        "tries": "This is try number {tries}.",
        "slow": "Please wait a minute",
        "slow_why": "Too many visits came from where you are. Try again in a minute.",
        "unknown": "This link is not right",
        "unknown_why": "Check that you copied all of it. If it still does not work, ask the city for a new one.",
        "problem": "We could not take your answer.",
        "languages": "Languages",
        "your_data": "What the city keeps about you, and how to have it removed",
    },
    "es": {
        "title": "¿Está arreglado?",
        "reported": "Alguien avisó: {service}, en {area}, hacia el {day}.",
        "planned": "La ciudad decidió ocuparse. El trabajo no ha empezado todavía.",
        "sent": "La ciudad dio el trabajo a un equipo. Todavía no está hecho.",
        "accepted": "Un equipo tomó el trabajo. Todavía no está hecho.",
        "done": "El equipo dice que hizo el trabajo el {day}. Queremos que usted nos lo diga.",
        "confirmed": "Usted u otra persona dijo: está arreglado. Gracias.",
        "confirmed_city": "Una persona de la ciudad miró y dice que está arreglado.",
        "reopened": "Usted u otra persona dijo: no está arreglado. La ciudad tiene que volver.",
        "reopened_city": "Una persona de la ciudad miró y dice que no está arreglado. La ciudad tiene que volver.",
        "cancelled": "La ciudad no hará este trabajo. Pregunte por qué, con el número de abajo.",
        "question": "¿Está arreglado?",
        "words": "Si no, díganos qué sigue mal (no es obligatorio)",
        "privacy": "Por favor no escriba nombres, teléfonos ni direcciones. Quitamos los que encontramos.",
        "yes": "Sí, está arreglado",
        "no": "No, no está arreglado",
        "change": "¿Cambió de opinión? Puede responder otra vez hasta el {day}.",
        "next": "Qué pasa después",
        "next_done": "Si dice que sí, el trabajo se cierra. Si dice que no, la ciudad tiene que hacerlo otra vez. "
        "Si nadie responde, escribimos «sin confirmar», y nunca «arreglado».",
        "next_confirmed": "El trabajo está cerrado. Si el problema vuelve, puede decirlo aquí hasta el {day}.",
        "next_reopened": "La ciudad manda a alguien otra vez. Si eso no ayuda, una persona se ocupa.",
        "next_open": "Cuando el trabajo esté hecho, podrá decir en esta página si está arreglado.",
        "next_over": "No pasará nada más. Si sigue mal, avise otra vez.",
        "number": "Número de este trabajo: {order}",
        "tries": "Este es el intento número {tries}.",
        "slow": "Espere un minuto, por favor",
        "slow_why": "Hubo demasiadas visitas desde donde está usted. Pruebe otra vez en un minuto.",
        "unknown": "Este enlace no es correcto",
        "unknown_why": "Mire si lo copió entero. Si sigue sin funcionar, pida otro a la ciudad.",
        "problem": "No pudimos recibir su respuesta.",
        "languages": "Idiomas",
        "your_data": "Qué guarda la ciudad sobre usted, y cómo pedir que se borre",
    },
    "pt": {
        "title": "Está resolvido?",
        "reported": "Alguém avisou: {service}, em {area}, por volta de {day}.",
        "planned": "A cidade decidiu cuidar disso. O trabalho ainda não começou.",
        "sent": "A cidade deu o trabalho a uma equipe. Ainda não está feito.",
        "accepted": "Uma equipe aceitou o trabalho. Ainda não está feito.",
        "done": "A equipe diz que fez o trabalho em {day}. Queremos ouvir de você.",
        "confirmed": "Você ou outra pessoa disse: está resolvido. Obrigado.",
        "confirmed_city": "Uma pessoa da cidade olhou e diz que está resolvido.",
        "reopened": "Você ou outra pessoa disse: não está resolvido. A cidade tem que voltar.",
        "reopened_city": "Uma pessoa da cidade olhou e diz que não está resolvido. A cidade tem que voltar.",
        "cancelled": "A cidade não fará este trabalho. Pergunte por quê, com o número abaixo.",
        "question": "Está resolvido?",
        "words": "Se não, conte o que ainda está errado (não é obrigatório)",
        "privacy": "Por favor não escreva nomes, telefones nem endereços. Tiramos os que encontramos.",
        "yes": "Sim, está resolvido",
        "no": "Não, não está resolvido",
        "change": "Mudou de ideia? Você pode responder de novo até {day}.",
        "next": "O que acontece depois",
        "next_done": "Se você diz sim, o trabalho é fechado. Se diz não, a cidade tem que fazer de novo. "
        "Se ninguém responde, escrevemos “não confirmado”, e nunca “resolvido”.",
        "next_confirmed": "O trabalho está fechado. Se o problema voltar, diga aqui até {day}.",
        "next_reopened": "A cidade manda alguém de novo. Se isso não ajudar, uma pessoa cuida do caso.",
        "next_open": "Quando o trabalho estiver feito, você poderá dizer nesta página se está resolvido.",
        "next_over": "Nada mais vai acontecer. Se ainda estiver errado, avise de novo.",
        "number": "Número deste trabalho: {order}",
        "tries": "Esta é a tentativa número {tries}.",
        "slow": "Espere um minuto, por favor",
        "slow_why": "Houve visitas demais de onde você está. Tente de novo em um minuto.",
        "unknown": "Este link não está certo",
        "unknown_why": "Veja se copiou tudo. Se ainda não funcionar, peça outro à cidade.",
        "problem": "Não conseguimos receber sua resposta.",
        "languages": "Idiomas",
        "your_data": "O que a cidade guarda sobre você, e como pedir para apagar",
    },
}


def language_of(asked: str | None, accepted: str) -> str:
    """The language of a page: the one asked for, else the first of the browser's that we have, else English."""
    if asked in LANGUAGES:
        return str(asked)
    wanted = (part.split(";")[0].strip().lower()[:2] for part in accepted.split(",")[:10])
    return next((code for code in wanted if code in LANGUAGES), "en")


def day_in(language: str, day: date) -> str:
    """A day as people of a language write it."""
    month = _MONTHS[language].split()[day.month - 1]
    return f"{day.day} {month} {day.year}" if language == "en" else f"{day.day} de {month} de {day.year}"
