"""Tests of channels_config with nothing but the standard library."""

import collections
import contextlib
import datetime
import decimal
import io
import json
import os
import pathlib
import re
import ssl
import sys
import types
import unittest
import urllib.parse

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import channels_config

CORE = "channels_redis.core.RedisChannelLayer"


def convert(config, **options):
    settings = types.SimpleNamespace(CHANNEL_LAYERS={"default": {"BACKEND": CORE, "CONFIG": config}})
    converted, problems = channels_config.convert_layers(settings.CHANNEL_LAYERS, **options)
    json.dumps(converted, allow_nan=False)
    return converted["default"]["CONFIG"], problems


class ConvertTest(unittest.TestCase):
    def test_plain_values_stay(self):
        config = {
            "hosts": ["redis://:secret@h:1/2", {"host": "h", "port": 1, "db": None, "ssl": True}],
            "expiry": 1.5,
            "capacity": 10,
            "prefix": "Grüße",
        }
        self.assertEqual(convert(config), (config, []))

    def test_what_json_lacks_is_converted(self):
        cases = [
            (("h", 6379), ["h", 6379]),
            (collections.deque([1]), [1]),
            (b"key", "key"),
            (bytearray(b"k"), "k"),
            (b"\xff\x00", {"$bytes": "ff00"}),
            (pathlib.PurePosixPath("/etc/ca.pem"), "/etc/ca.pem"),
            (datetime.timedelta(hours=1), 3600),
            (datetime.timedelta(milliseconds=1500), 1.5),
            (decimal.Decimal("60"), 60),
            (ssl.CERT_NONE, 0),
            (ssl.TLSVersion.TLSv1_2, 771),
            (urllib.parse.urlparse("redis://h:1/0"), "redis://h:1/0"),
            (collections.OrderedDict([("z", 1), ("a", 2)]), {"z": 1, "a": 2}),
            (types.MappingProxyType({"a": ()}), {"a": []}),
            ({1: "a"}, {"$pairs": [[1, "a"]]}),
            ({"$env": "X"}, {"$pairs": [["$env", "X"]]}),
        ]
        for value, want in cases:
            with self.subTest(value=value):
                self.assertEqual(convert({"x": value}), ({"x": want}, []))

    def test_order_is_kept(self):
        capacity = {"z*": 1, "a*": 2, "m*": 3}
        got, _ = convert({"channel_capacity": capacity})
        self.assertEqual(list(got["channel_capacity"]), ["z*", "a*", "m*"])

    def test_patterns_are_named(self):
        got, problems = convert({"channel_capacity": {"a": 1, re.compile("b+"): 2}})
        self.assertEqual(
            got["channel_capacity"],
            {"$pairs": [["a", 1], [{"$unconverted": "re.Pattern"}, 2]]},
        )
        self.assertEqual(len(problems), 1)
        self.assertIn("re.Pattern", problems[0])

    def test_problems_name_place_and_type_but_no_value(self):
        class Provider:
            def __repr__(self):
                return "hunter2"

        got, problems = convert({"hosts": [{"host": "h", "credential_provider": Provider()}]})
        self.assertIn("Provider", got["hosts"][0]["credential_provider"]["$unconverted"])
        self.assertEqual(len(problems), 1)
        self.assertIn("CHANNEL_LAYERS['default'][CONFIG]['hosts'][0]['credential_provider']", problems[0])
        self.assertNotIn("hunter2", problems[0] + json.dumps(got))

    def test_classes_functions_sets_and_nan_are_problems(self):
        for value in (dict, convert, {1}, float("nan"), float("inf"), (i for i in ())):
            with self.subTest(value=value):
                got, problems = convert({"x": value})
                self.assertEqual(list(got["x"]), ["$unconverted"])
                self.assertEqual(len(problems), 1)

    def test_cycles_end(self):
        cycle = []
        cycle.append(cycle)
        _, problems = convert({"x": cycle})
        self.assertIn("too deep", problems[0])

    def test_keys_can_be_left_out(self):
        got, _ = convert({"symmetric_encryption_keys": ["secret"]}, keys_env="KEYS")
        self.assertEqual(got, {"symmetric_encryption_keys": {"$env": "KEYS"}})
        got, _ = convert({"symmetric_encryption_keys": []}, keys_env="KEYS")
        self.assertEqual(got, {"symmetric_encryption_keys": []})

    def test_config_may_be_missing(self):
        got, problems = channels_config.convert_layers({"a": {"BACKEND": CORE}, "b": 5})
        self.assertEqual(got, {"a": {"BACKEND": CORE, "CONFIG": {}}})
        self.assertEqual(problems, ["CHANNEL_LAYERS['b'] is not a dict"])


class MainTest(unittest.TestCase):
    def run_main(self, settings, *arguments):
        out, err = io.StringIO(), io.StringIO()
        fake = types.ModuleType("django")
        conf = types.ModuleType("django.conf")
        conf.settings = settings
        saved = {name: sys.modules.get(name) for name in ("django", "django.conf")}
        sys.modules.update({"django": fake, "django.conf": conf})
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                status = channels_config.main(arguments)
        finally:
            for name, module in saved.items():
                if module is None:
                    del sys.modules[name]
                else:
                    sys.modules[name] = module
        return status, out.getvalue(), err.getvalue()

    def test_prints_one_line_of_json(self):
        settings = types.SimpleNamespace(CHANNEL_LAYERS={"default": {"BACKEND": CORE}})
        status, out, err = self.run_main(settings)
        self.assertEqual((status, err, out.count("\n")), (0, "", 1))
        self.assertEqual(json.loads(out)["default"]["BACKEND"], CORE)

    def test_names_problems_on_stderr(self):
        settings = types.SimpleNamespace(
            CHANNEL_LAYERS={"default": {"BACKEND": CORE, "CONFIG": {"hosts": [{"retry": object()}]}}}
        )
        status, out, err = self.run_main(settings)
        self.assertEqual(status, 0)
        self.assertIn("['retry'] is a object", err)
        self.assertIn("$unconverted", out)

    def test_keys_env(self):
        settings = types.SimpleNamespace(
            CHANNEL_LAYERS={"default": {"BACKEND": CORE, "CONFIG": {"symmetric_encryption_keys": ["s3cret"]}}}
        )
        _, out, _ = self.run_main(settings, "--keys-env", "KEYS")
        self.assertNotIn("s3cret", out)

    def test_no_layers_is_status_1(self):
        status, out, err = self.run_main(types.SimpleNamespace())
        self.assertEqual((status, out), (1, ""))
        self.assertIn("no CHANNEL_LAYERS", err)

    def test_usage_is_status_2(self):
        status, out, _ = self.run_main(types.SimpleNamespace(), "--what")
        self.assertEqual((status, out), (2, ""))


if __name__ == "__main__":
    unittest.main()
