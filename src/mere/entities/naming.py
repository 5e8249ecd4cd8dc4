"""Names for runs that were given none: easy to say, and the same for the same run."""

from __future__ import annotations

__all__ = ["name_of"]

# Words in a row are easier to read and to change than a list of strings.
_FIRST = (  # noqa: SIM905
    "amber azure brisk bronze calm clear copper coral crisp dawn deep eager early fair fleet fresh "
    "gentle golden green hazel heather humble ivory jade keen light lively lucid mellow misty "
    "mossy noble north opal pale plain proud quick quiet rapid rosy rustic sage scarlet serene "
    "silent silver slate soft solar spry steady still stone sunny swift tidal umber vivid warm "
    "wide wild winter young"
).split()
_SECOND = (  # noqa: SIM905
    "alder bay beck bittern bream brook carp cove crane creek curlew delta dipper egret eel elm "
    "fen ferry finch fjord gull harbor heron ibis inlet isle kelp lagoon lake lily loch loon marsh "
    "minnow moor newt oar otter pike plover pond pool rapids reed rill rudd rush sedge shoal shore "
    "snipe spring stork swan tarn teal tern trout weir willow wharf wigeon"
).split()


def name_of(run_id: str) -> str:
    """A name made of the random digits of a run's id."""
    number = int(run_id[20:], 16)
    number, first = divmod(number, len(_FIRST))
    number, second = divmod(number, len(_SECOND))
    return f"{_FIRST[first]}-{_SECOND[second]}-{number % 1000}"
