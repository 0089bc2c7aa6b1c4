"""What can be done: sign in, try a replay, and the actions. Each action asks for a session and leaves an audit line."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from aiohttp import web
from multidict import MultiDictProxy

from dcp_pipeline.errors import in_words
from dcp_pipeline.ledger.model import RejectFilter
from dcp_ui.ground.fleet import Member
from dcp_ui.ground.looks import EXPECTED
from dcp_ui.ground.ports import ActionRefused, Replayed, Tried
from dcp_ui.guard.audit import deed
from dcp_ui.guard.hosts import may_change
from dcp_ui.guard.session import COOKIE, LASTS_SECONDS
from dcp_ui.pages.rejects import filter_from, filter_of, query_of
from dcp_ui.pages.site import SITE, Visit, local_path, path_of

_TRIED = 50
Form = MultiDictProxy[Any]


async def sign_in_form(request: web.Request) -> web.Response:
    """Where the token is asked for."""
    visit = Visit(request.app[SITE], request)
    return visit.page("sign_in.html", to=local_path(request.query.get("to", "/")), problem="")


async def sign_in(request: web.Request) -> web.Response:
    """Look at the token."""
    site = request.app[SITE]
    visit = Visit(site, request)
    _from_here(request)
    form = await request.post()
    to = local_path(str(form.get("to", "/")))
    if site.sessions.too_many_tries():
        problem = "Too many wrong tokens: wait a minute."
        return visit.page("sign_in.html", to=to, problem=problem, status=429)
    session = site.sessions.sign_in(str(form.get("token", "")))
    outcome = "signed in" if session else "wrong token"
    await asyncio.to_thread(site.audit.record, deed(_by(request), "sign-in", "", "", outcome))
    if session is None:
        return visit.page("sign_in.html", to=to, problem="That is not the token.", status=403)
    response = web.Response(status=303, headers={"Location": to})
    response.set_cookie(
        COOKIE,
        session.id,
        max_age=LASTS_SECONDS,
        httponly=True,
        samesite="Strict",
        secure=request.secure or request.headers.get("X-Forwarded-Proto") == "https",
        path="/",
    )
    return response


async def sign_out(request: web.Request) -> web.Response:
    """End the session."""
    site = request.app[SITE]
    await _allowed_form(request)
    session = site.sessions.of(request.cookies.get(COOKIE))
    if session is not None:
        site.sessions.sign_out(session)
    response = web.Response(status=303, headers={"Location": "/"})
    response.del_cookie(COOKIE, path="/")
    return response


async def try_replay(request: web.Request) -> web.Response:
    """What a replay would make of a selection: its latest rejects, cleaned by the spec as it is now."""
    site = request.app[SITE]
    visit, member = Visit(site, request), await site.member(request, to_act=True)
    if visit.session is None:
        raise web.HTTPSeeOther(f"/sign-in?to={request.rel_url.path}")
    wanted = filter_of(request)
    tried: list[Tried] = []
    problem = ""
    try:
        tried = list(await asyncio.to_thread(site.desk.try_again, member.setup, wanted, _TRIED))
    except (ActionRefused, *EXPECTED) as error:
        problem = in_words(error)
    return visit.page(
        "replay.html",
        member=member,
        tab="rejects",
        wanted=wanted,
        query=query_of(wanted),
        tried=tried,
        problem=problem,
        most=_TRIED,
        would=_would(tried),
    )


def _would(tried: list[Tried]) -> dict[str, int]:
    rows, filtered = sum(each.row is not None for each in tried), sum(each.filtered for each in tried)
    rejected = sum(each.code is not None for each in tried)
    return {
        "written": rows,
        "duplicates": len(tried) - rows - filtered - rejected,
        "filtered": filtered,
        "rejected": rejected,
    }


async def replay(request: web.Request) -> web.Response:
    """`dcp rejects replay` of a selection."""

    def act(member: Member, form: Form) -> tuple[str, str]:
        wanted = filter_from(form)
        done = request.app[SITE].desk.replay(member.setup, wanted)
        return _in_short(wanted), _replayed(done)

    return await _act(request, "replay", act, "rejects")


def _in_short(wanted: RejectFilter) -> str:
    return ", ".join(f"{name}={value}" for name, value in query_of(wanted).items()) or "all"


def _replayed(done: Replayed) -> str:
    return (
        f"{done.replayed:,} rejects cleaned again: {done.written:,} written, {done.duplicates:,} duplicates, "
        f"{done.filtered:,} filtered, {done.rejected:,} rejected again"
        + (f"; {done.cut_off:,} cannot be: not all of their bytes were kept" if done.cut_off else "")
    )


async def requeue(request: web.Request) -> web.Response:
    """`dcp dead requeue` of the batches that are ticked."""
    return await _act(request, "requeue", _chosen("batch", request.app[SITE].desk.requeue), "dead")


async def forget(request: web.Request) -> web.Response:
    """`dcp objects forget`."""
    return await _act(request, "forget", _chosen("object", request.app[SITE].desk.forget), "objects")


async def release(request: web.Request) -> web.Response:
    """`dcp objects release`."""
    return await _act(request, "release", _chosen("object", request.app[SITE].desk.release), "dead")


async def drop(request: web.Request) -> web.Response:
    """`dcp objects drop`."""
    return await _act(request, "drop", _chosen("object", request.app[SITE].desk.drop), "dead")


async def reread(request: web.Request) -> web.Response:
    """`dcp objects reread`."""
    return await _act(request, "reread", _chosen("object", request.app[SITE].desk.reread), "objects")


def _chosen(name: str, do: Callable[[Any, list[str]], str]) -> Callable[[Member, Form], tuple[str, str]]:
    def act(member: Member, form: Form) -> tuple[str, str]:
        ids = [str(each) for each in form.getall(name, [])]
        if not ids:
            raise ActionRefused("nothing was chosen")
        return " ".join(ids), do(member.setup, ids)

    return act


async def _act(
    request: web.Request, action: str, act: Callable[[Member, Form], tuple[str, str]], back: str
) -> web.Response:
    """Do it, and say what came of it; the audit line is written before and after, so that none is without."""
    site = request.app[SITE]
    form = await _allowed_form(request)
    visit, member = Visit(site, request), await site.member(request, to_act=True)
    chosen = " ".join(f"{name}={value}" for name, value in form.items() if name != "form_token")[:2000]
    await asyncio.to_thread(site.audit.record, deed(_by(request), action, member.key, chosen, "begun"))
    try:
        _, outcome = await asyncio.to_thread(act, member, form)
        done = True
    except (ActionRefused, *EXPECTED) as error:
        outcome, done = member.setup.secrets.redact(in_words(error)), False
    said = outcome if done else f"refused: {outcome}"
    await asyncio.to_thread(site.audit.record, deed(_by(request), action, member.key, chosen, said))
    site.looks.forget(lambda key: isinstance(key, tuple) and key[0] == member.key)
    site.page_looks.forget(lambda key: isinstance(key, tuple) and key[0] == member.key)
    site.fleet_looks.forget(lambda key: isinstance(key, tuple) and key[0] == member.key)
    return visit.page(
        "done.html",
        member=member,
        tab=back,
        done=done,
        outcome=outcome,
        back=path_of(member.key, back),
        status=200 if done else 409,
    )


async def _allowed_form(request: web.Request) -> Form:
    """The form of somebody who may act. Raises 403."""
    site = request.app[SITE]
    _from_here(request)
    form = await request.post()
    session = site.sessions.of(request.cookies.get(COOKIE))
    if not site.sessions.allows(session, str(form.get("form_token", ""))):
        raise web.HTTPForbidden(text="Sign in first: this form is of no session that goes on.\n")
    return form


def _from_here(request: web.Request) -> None:
    if not request.app[SITE].sessions.enabled:
        raise web.HTTPForbidden(text="This page is read-only: dcp ui --actions lets things be done.\n")
    if not may_change(request.headers, request.headers.get("Host")):
        raise web.HTTPForbidden(text="This form does not come from this page.\n")


def _by(request: web.Request) -> str:
    return request.remote or "unknown"
