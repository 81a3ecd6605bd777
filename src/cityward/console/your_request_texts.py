"""Every sentence of the page on which a resident sees how his request stands, in words of everyday."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

YOUR_REQUEST: Final[Mapping[str, Mapping[str, str]]] = {
    "en": {
        "title": "How does my request stand?",
        "short": "When you asked the city about your data, you got a number and a secret. Write both here.",
        "field_number": "Number of your request",
        "field_secret": "Secret of your request",
        "show": "Show how it stands",
        "unknown": "There is no request with this number and this secret. Check that you copied all of both. "
        "If you lost the secret, ask where you made the request.",
        "again": "Another request",
        "open": "The city is working on it. It must answer you by {day}.",
        "late": "The city is late: it had to answer you by {day}. You can ask why, and complain to the data protection "
        "authority.",
        "extended": "It takes longer than a month, as the city told you on {day}, with the reason.",
        "done": "The city says that it was done on {day}. If you got no answer, ask for it with the number below.",
        "asked": "Request {number} came on {day}. You asked: {what}.",
        "nothing_more": "This page says no more about you, whoever reads it.",
        "slow_why": "Too many visits came from where you are. Try again in a minute.",
        "back": "What the city keeps about you",
    },
    "es": {
        "title": "¿Cómo va mi petición?",
        "short": "Cuando preguntó a la ciudad por sus datos, recibió un número y un secreto. Escriba los dos aquí.",
        "field_number": "Número de su petición",
        "field_secret": "Secreto de su petición",
        "show": "Ver cómo va",
        "unknown": "No hay una petición con este número y este secreto. Mire si copió los dos enteros. "
        "Si perdió el secreto, pregunte donde hizo la petición.",
        "again": "Otra petición",
        "open": "La ciudad está en ello. Debe responderle a más tardar el {day}.",
        "late": "La ciudad va con retraso: debía responderle a más tardar el {day}. Puede preguntar por qué, y "
        "quejarse ante la autoridad de protección de datos.",
        "extended": "Tarda más de un mes, como la ciudad le dijo el {day}, con el motivo.",
        "done": "La ciudad dice que se hizo el {day}. Si no recibió respuesta, pídala con el número de abajo.",
        "asked": "La petición {number} llegó el {day}. Usted pidió: {what}.",
        "nothing_more": "Esta página no dice nada más de usted, la lea quien la lea.",
        "slow_why": "Llegaron demasiadas visitas desde donde está. Pruebe otra vez en un minuto.",
        "back": "Qué guarda la ciudad sobre usted",
    },
    "pt": {
        "title": "Como está o meu pedido?",
        "short": "Quando perguntou à cidade pelos seus dados, você recebeu um número e um segredo. Escreva os dois "
        "aqui.",
        "field_number": "Número do seu pedido",
        "field_secret": "Segredo do seu pedido",
        "show": "Ver como está",
        "unknown": "Não há um pedido com este número e este segredo. Veja se copiou os dois por inteiro. "
        "Se perdeu o segredo, pergunte onde fez o pedido.",
        "again": "Outro pedido",
        "open": "A cidade está cuidando dele. Tem de responder até {day}.",
        "late": "A cidade está atrasada: tinha de responder até {day}. Você pode perguntar por quê, e reclamar à "
        "autoridade de proteção de dados.",
        "extended": "Demora mais de um mês, como a cidade lhe disse em {day}, com o motivo.",
        "done": "A cidade diz que foi feito em {day}. Se não recebeu resposta, peça-a com o número abaixo.",
        "asked": "O pedido {number} chegou em {day}. Você pediu: {what}.",
        "nothing_more": "Esta página não diz mais nada sobre você, seja quem for que a leia.",
        "slow_why": "Vieram visitas demais de onde você está. Tente de novo em um minuto.",
        "back": "O que a cidade guarda sobre você",
    },
}
"""By language."""
