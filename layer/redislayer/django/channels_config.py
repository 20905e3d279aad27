"""Prints a Django project's CHANNEL_LAYERS as JSON, for redislayer.FromDjango.

    python channels_config.py [--keys-env NAME] [settings module]
    python manage.py shell -v 0 < channels_config.py

The settings module is a name such as "mysite.settings", looked for from the
current folder on; without one DJANGO_SETTINGS_MODULE counts. Django is used if
it is installed; nothing else is needed, channels_redis neither.

What is printed may hold passwords and encryption keys: keep it as you keep those.
With --keys-env, or CHANNELS_KEYS_ENV in the environment, the encryption keys are
left out, and NAME is written instead: the environment variable of the Go process
that has the key, or a JSON list of them.

What JSON has no form for is converted: tuples and other sequences to lists, bytes
to text or {"$bytes": hex}, paths to text, timedeltas to seconds, enums to their
values, dicts whose keys are not all text to {"$pairs": [[key, value], ...]}. What
cannot be converted is named on stderr, with its place and type but never its value,
and printed as {"$unconverted": type}; FromDjango takes that for arguments that it
ignores, and refuses it elsewhere.

It ends with status 1 if there are no settings or no CHANNEL_LAYERS.
"""

import collections.abc
import datetime
import decimal
import enum
import importlib
import json
import math
import os
import sys

MAX_DEPTH = 20


def convert_layers(layers, keys_env=None):
    """Returns the layers fit for JSON, and a list of what could not be converted."""
    problems = []
    if not isinstance(layers, collections.abc.Mapping):
        return {}, ["CHANNEL_LAYERS is not a dict"]
    converted = {}
    for alias, entry in layers.items():
        where = "CHANNEL_LAYERS[%r]" % (alias,)
        if not isinstance(entry, collections.abc.Mapping):
            problems.append("%s is not a dict" % where)
            continue
        layer = {"BACKEND": _convert(entry.get("BACKEND"), where + "[BACKEND]", problems)}
        config = entry.get("CONFIG")
        if config is not None:
            config = _convert(config, where + "[CONFIG]", problems)
            if keys_env and isinstance(config, dict) and config.get("symmetric_encryption_keys"):
                config["symmetric_encryption_keys"] = {"$env": keys_env}
        layer["CONFIG"] = config or {}
        converted[str(alias)] = layer
    return converted, problems


def _convert(value, where, problems, depth=0):
    """Returns value fit for JSON, and notes in problems what is not."""
    if depth > MAX_DEPTH:
        problems.append("%s is nested too deep" % where)
        return {"$unconverted": _type_name(value)}
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, enum.Enum):
        return _convert(value.value, where, problems, depth + 1)
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float) and math.isfinite(value):
        return float(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return _convert_bytes(bytes(value))
    if isinstance(value, datetime.timedelta):
        return _whole(value.total_seconds())
    if isinstance(value, decimal.Decimal) and value.is_finite():
        return _whole(float(value))
    if isinstance(value, os.PathLike):
        return _convert(os.fspath(value), where, problems, depth + 1)
    if _is_url(value):
        return value.geturl()
    if _is_lazy_text(value):
        return str(value)
    if isinstance(value, collections.abc.Mapping):
        return _convert_mapping(value, where, problems, depth)
    if isinstance(value, (collections.abc.Sequence, collections.abc.ValuesView, collections.deque)):
        return [
            _convert(item, "%s[%d]" % (where, i), problems, depth + 1)
            for i, item in enumerate(value)
        ]
    problems.append("%s is a %s, which has no form in JSON" % (where, _type_name(value)))
    return {"$unconverted": _type_name(value)}


def _convert_bytes(value):
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return {"$bytes": value.hex()}


def _convert_mapping(value, where, problems, depth):
    pairs = []
    for key, item in value.items():
        plain = _convert(key, "the key %s of %s" % (_shown(key), where), problems, depth + 1)
        pairs.append([plain, _convert(item, "%s[%s]" % (where, _shown(key)), problems, depth + 1)])
    # A key with a "$" would be taken for one of ours.
    if all(isinstance(key, str) and not key.startswith("$") for key, _ in pairs):
        return dict(pairs)
    return {"$pairs": pairs}


def _shown(key):
    return repr(key) if isinstance(key, str) else "<%s>" % _type_name(key)


def _whole(number):
    return int(number) if number == int(number) else number


def _is_url(value):
    return isinstance(value, tuple) and hasattr(value, "geturl")


def _is_lazy_text(value):
    """Django's lazy strings prove only to be text when they are asked."""
    return type(value).__name__ == "__proxy__" and isinstance(str(value), str)


def _type_name(value):
    kind = value if isinstance(value, type) else type(value)
    name = kind.__qualname__
    if kind.__module__ not in (None, "builtins"):
        name = "%s.%s" % (kind.__module__, name)
    return "class " + name if isinstance(value, type) else name


def load_layers(module=None):
    """Returns CHANNEL_LAYERS of the settings module, or of the configured one."""
    if module:
        os.environ["DJANGO_SETTINGS_MODULE"] = module
    sys.path.insert(0, os.getcwd())
    try:
        from django.conf import settings
    except ImportError:
        name = os.environ.get("DJANGO_SETTINGS_MODULE")
        if not name:
            raise RuntimeError("there is no settings module: name one, or set DJANGO_SETTINGS_MODULE")
        settings = importlib.import_module(name)
    layers = getattr(settings, "CHANNEL_LAYERS", None)
    if not layers:
        raise RuntimeError("the settings have no CHANNEL_LAYERS")
    return layers


def main(arguments):
    arguments = list(arguments)
    keys_env = os.environ.get("CHANNELS_KEYS_ENV")
    if arguments[:1] == ["--keys-env"] and len(arguments) > 1:
        keys_env = arguments[1]
        arguments = arguments[2:]
    if len(arguments) > 1 or arguments[:1] and arguments[0].startswith("-"):
        print("usage: python channels_config.py [--keys-env NAME] [settings module]", file=sys.stderr)
        return 2
    try:
        layers = load_layers(arguments[0] if arguments else None)
    except Exception as error:
        print("channels_config: %s: %s" % (type(error).__name__, error), file=sys.stderr)
        return 1
    converted, problems = convert_layers(layers, keys_env)
    for problem in problems:
        print("channels_config: not converted: %s" % problem, file=sys.stderr)
    print(json.dumps(converted))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
elif __name__ != "channels_config":
    main([])  # manage.py shell runs what it reads under names that differ between versions
