"""Sign-in: who sends a request, and whether a browser was made to send it by somebody else.

What the app calls, all of it in `mere.server.signin.identify` and `mere.server.signin.exposure`:

- ``SignIn(access, settings, env)``, once a worker, kept as ``ServerState.sign_in``;
- ``await sign_in.identify(call) -> Actor``, for every request before anything else is decided;
- ``sign_in.note(call, outcome)`` when a request is answered, for the audit trail: ``"ok"``, or the
  error's code; it chooses what is worth a note, returns at once and never raises;
- ``sign_in.begin()`` in a thread when a worker starts: the first admin, where the environment
  names one;
- ``await sign_in.close()`` when it stops;
- ``check_sign_in(settings, env)`` before anything is listened on; ``check_exposure`` is part of it.

With a scope that is read from the body, `Scope.anything` lets an app refuse whoever lacks the right
on everything before it reads the body.
"""

__all__: list[str] = []
