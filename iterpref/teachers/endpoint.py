"""Where an OpenAI-compatible server is, with which key it is asked, and what is told of it: sentences without secrets.

The key is read from OPENAI_API_KEY; a server on this machine needs none.
"""

from __future__ import annotations

import os
from contextlib import suppress
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urlsplit

from iterpref.errors import InputError

if TYPE_CHECKING:
    from openai import AsyncOpenAI

__all__ = ["HEALTH_SECONDS", "Endpoint", "address"]

HEALTH_SECONDS = 10.0  # for the list of models
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class Endpoint:
    """The server at ``base_url``; where that is empty, at OPENAI_BASE_URL, else OpenAI's own.

    Attributes:
        where: the address as it is told, without user name, password and query.

    Raises:
        InputError: the extra is not installed, the address is none, there is no key for a server that is not on this
            machine, or the key cannot be sent.
    """

    def __init__(self, base_url: str = "") -> None:
        if find_spec("openai") is None:
            raise InputError("an endpoint is asked through the `openai` package; install iterpref[chat].")
        self._base_url = base_url or os.environ.get("OPENAI_BASE_URL", "").strip()
        self.where, host = _shown(self._base_url)
        key = os.environ.get("OPENAI_API_KEY", "").strip()
        if not key and host not in _LOOPBACK:
            raise InputError(
                f"there is no key for {self.where}; set the environment variable OPENAI_API_KEY, or "
                "chat.base_url to a server of your own."
            )
        if not (key.isascii() and key.isprintable()) or " " in key:  # the client would show it in a traceback
            raise InputError(
                "the environment variable OPENAI_API_KEY holds what no key can: spaces, line ends or letters beyond "
                "ASCII; copy the key anew."
            )
        self._key = key or "EMPTY"

    def open(self, deadline: float) -> AsyncOpenAI:
        """A client that tries each request once."""
        from openai import AsyncOpenAI

        return AsyncOpenAI(api_key=self._key, base_url=self._base_url or None, timeout=deadline, max_retries=0)

    async def check(self, opened: AsyncOpenAI, model: str) -> None:
        """One cheap call before any work: is the server there, does it take the key, does it know the model?

        Raises:
            InputError: it does not.
        """
        import openai

        try:
            listed = opened.with_options(timeout=HEALTH_SECONDS, max_retries=1).models.list()
            known = [each.id async for each in listed]
        except (openai.APIConnectionError, openai.AuthenticationError, openai.PermissionDeniedError) as error:
            raise self.fault(error, model) from None
        except (openai.OpenAIError, ValueError, TypeError, AttributeError):
            return  # some servers answer, but cannot list their models: the first request will tell
        if known and model not in known:
            some = ", ".join(sorted(known)[:5])
            raise InputError(
                f"{self.where} does not know the model {model!r}; set chat.model to one of its {len(known)}, such as "
                f"{some}."
            )

    async def alive(self, opened: AsyncOpenAI, timeout: float) -> bool:
        """Whether the server answers at all, be it that it cannot list its models."""
        import openai

        try:
            await opened.with_options(timeout=timeout, max_retries=0).models.list()
        except openai.APIStatusError as error:
            return error.status_code < 500
        except openai.APIConnectionError:
            return False
        except (openai.OpenAIError, ValueError, TypeError, AttributeError):
            return True
        return True

    def fault(self, error: Exception, model: str) -> InputError:
        """What went wrong, in a sentence without the key."""
        import openai

        if isinstance(error, openai.APITimeoutError):
            return InputError(f"{self.where} did not answer in time; check that it is up, then run again.")
        if isinstance(error, openai.APIConnectionError):
            return InputError(f"{self.where} cannot be reached; start it or correct chat.base_url, then run again.")
        if isinstance(error, openai.AuthenticationError | openai.PermissionDeniedError):
            return InputError(f"{self.where} refuses the key; check the environment variable OPENAI_API_KEY.")
        return InputError(
            f"{self.where} answered with status 404{self.said(error)}: it does not know the model {model!r}, or is no "
            "chat endpoint; check chat.model and chat.base_url, which ends in /v1 for most servers."
        )

    def said(self, error: Any) -> str:
        """The server's own words, short and without the key."""
        said = getattr(error, "body", None)
        if isinstance(said, dict):  # servers differ in the name; OpenAI's own is told by the first
            said = next((said[name] for name in ("message", "detail", "error") if said.get(name)), "")
        flat = " ".join(str(said or "").replace(self._key, "***").split())[:160]
        return f" ({flat})" if flat else ""


def address(base_url: str) -> SplitResult:
    """The parts of an address.

    Raises:
        InputError: it is none.
    """
    with suppress(ValueError):  # a port that is no number, a bracket that is not closed
        parts = urlsplit(base_url)
        well_formed = base_url.isprintable() and " " not in base_url and (parts.port is None or parts.port > 0)
        if well_formed and parts.scheme in ("http", "https") and parts.hostname:
            return parts
    raise InputError("chat.base_url is no address; write it as http://host:port/v1 or https://host/v1.")


def _shown(base_url: str) -> tuple[str, str]:
    """The address without user name, password and query; the host's name."""
    if not base_url:
        return "the OpenAI endpoint", "api.openai.com"
    parts = address(base_url)
    host = parts.hostname or ""
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{port}{parts.path}", host
