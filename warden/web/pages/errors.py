"""Errors as pages, in the reader's language."""

from fastapi import Request, Response

from warden.clock import utc_now
from warden.i18n import N_
from warden.web.pages.drawing import see_other, view_of
from warden.web.pages.sign_in import sign_in_address
from warden.web.problems import Problem

TITLES = {
    401: N_("Sign in first"),
    403: N_("You may not do this"),
    404: N_("There is no such page"),
    409: N_("Something changed meanwhile"),
    422: N_("Something in the form is not right"),
    429: N_("Too many attempts"),
    500: N_("Something went wrong on our side"),
    503: N_("The database does not answer"),
}
ADVICE = {
    401: N_("This sign-in link has been used or has expired. Ask for a new one."),
    403: N_("Your role does not allow this. An administrator can change it."),
    404: N_("It may have been removed, or the address has a typing mistake."),
    409: N_("Somebody else was faster, or its state no longer allows this. Go back, load the page again and look."),
    422: N_("Go back and correct what you entered."),
    429: N_("Wait a while and try again."),
    500: N_("It has been written to the log. Try again; if it stays, tell your administrator this number: %(id)s."),
    503: N_("What you sent may not have been stored. Try again in a moment; if it stays so, tell your administrator."),
}


def error_page(request: Request, problem: Problem) -> Response:
    """Return the page for a problem; who is not signed in is led to the sign-in page."""
    if problem.status == 401 and not request.url.path.startswith("/sign-in"):
        query = f"?{request.url.query}" if request.url.query else ""
        back = request.url.path + query if request.method == "GET" else "/"
        return see_other(sign_in_address(back, request.query_params.get("lang")))
    view = view_of(request, request.app.state.services, utc_now(), getattr(request.state, "who", None))
    is_mistyped = problem.status == 422 and request.method == "GET"  # no form was sent: the address itself is wrong
    code = 404 if is_mistyped else problem.status
    status = 409 if code == 412 else code
    known = status if status in TITLES else 500 if status >= 500 else 404
    title, advice = view.reader.tr(TITLES[known]), view.reader.say(ADVICE[known], id=problem.id or problem.status)
    return view.page("error.html", code, status=code, title=title, advice=advice)
