package main

// Plain scalars whose type is a matter of the YAML version, and some that only look like it.
var scalars = []string{
	// Booleans of YAML 1.1, of which sigs.k8s.io/yaml takes some.
	"true", "True", "TRUE", "tRUE", "false", "False", "FALSE", "yes", "Yes", "YES", "no", "No", "NO", "on", "On", "ON", "off",
	"Off", "OFF", "y", "Y", "n", "N", "t", "f",
	// Null.
	"", "~", "null", "Null", "NULL", "nULL", "none", "nil", "~~",
	// Integers.
	"0", "1", "-1", "+1", "-0", "+0", "00", "007", "017", "08", "09", "019", "0o17", "0O17", "-0o17", "0x1F", "0X1F", "-0x1f",
	"+0x1F", "0x", "0xg", "0b101", "0B101", "-0b101", "0b2", "1_000", "_1", "1_", "1__0", "0x_1", "0b_1", "-1_000", "1,000",
	"12345678901", "9223372036854775807", "-9223372036854775808", "190:20:30", "1:30", "0x7FFFFFFFFFFFFFFF", "0o777", "00x1",
	// Floating point.
	"1.0", "1.5", "-1.5", "+1.5", "1.", ".5", "-.5", "+.5", ".", "-.", "..", "...x", "1e3", "1E3", "1e+3", "1e-3", "1.5e3",
	"1.5e+3", "1.5E-3", "-1e3", ".5e1", "1.e1", "1e", "e3", "1e3.5", "1_0.5", "1.5_0", "1e1_0", "0.1", "0.30000000000000004",
	"123456789.123456789", "1e21", "1e20", "1e-7", "1e-6", "1.0e10", "100000000000000000000000.0", "1e400", "-1e400",
	"6.8523015e+5", "685_230.15", "0.0", "-0.0", "0e0", "0x1p4", "0x1.8p1", "1.2.3", "1.7976931348623157e308", "5e-324",
	".inf", ".Inf", ".INF", "-.inf", "+.inf", ".nan", ".NaN", ".NAN", "inf", "nan", "Inf", "NaN", "Infinity", "+.nan",
	// Dates.
	"2001-12-15", "2001-12-15T02:59:43.1Z", "2001-12-14t21:59:43.10-05:00", "2001-12-14 21:59:43.10 -5", "2001-1-1", "12:30:45",
	// Strings.
	"a", "a b", "a:b", "a#b", "a #b", "a: b", "a, b", "it's", "-a", "- a", "--", "---", "...", "?a", "? a", ":a", ": a", ":", "-", "?",
	"<<", "=", "<", "a\\nb", "a\tb", "%a", "@a", "`a", "!a", "!", "!!", "!!int 3", "!!int x", "!!float 3", "!!bool yes", "!!null x",
	"!!str", "!!str 3", "!!binary aGk=", "!!binary x", "!!timestamp 2001-01-01", "!local 3", "!<tag:yaml.org,2002:str> 3", "&a 3",
	"&a", "*a", "*", "&", "|", ">", "|-", "[", "]", "{", "}", "[]", "{}", "[1, 2]", "[1,2,]", "[,]", "{a: 1}", "{a}", "{a: }", "{a: 1,}",
	"{a:1}", "{\"a\":1}", "{? a : 1}", "{a, b: 2}", "[a: 1]", "[? a : 1]", "'it''s'", "''", "'", "\"", "\"\"", "\"a\\nb\"", "\"\\x41\"",
	"\"\\u00e9\"", "\"\\U0001F600\"", "\"\\ud83d\\ude00\"", "\"\\q\"", "\"\\/\"", "\"a\\tb\"", "'a\\nb'", "é", "日本", "😀", "a\u0085b",
	"\u00a0", "v1.2.3", "1Gi", "500m", "10.0.0.1", "10.0", "1/2", "50%", "cn-beijing", "nvidia.com/gpu", "\"true\"", "'1'", "\"~\"",
}

// Whole documents.
var documents = []string{
	"", "\n", "# only a comment\n", "---\n", "---\n...\n", "--- a\n", "---\na: 1\n", "a: 1\n...\n", "%YAML 1.1\n---\na: 1\n",
	"%YAML 1.2\n---\na: yes\n", "%FOO bar\n---\na: 1\n", "\ufeffa: 1\n", "a: 1", "a: 1\r\nb: 2\r\n", "a:\n\tb: 1\n", "a: 1\n b: 2\n", "a:\n  b: 1\n c: 2\n",
	"a: b: c\n", "a:\n- 1\n- 2\n", "a:\n  - 1\n  - 2\n", "- - 1\n  - 2\n- 3\n", "- a: 1\n  b: 2\n- a: 3\n", "-\n- 1\n", "a:\nb:\n", "a:\n  b:\n    c: 1\n",
	// Block scalars.
	"a: |\n  x\n  y\n", "a: >\n  x\n  y\n", "a: |-\n  x\n", "a: |+\n  x\n\n", "a: >-\n  x\n\n  y\n", "a: >\n  x\n    y\n  z\n", "a: |2\n    x\n   y\n",
	"a: |\n\n  x\n", "a: |\nb: 1\n", "a: |1\n x\n", "a: |0\n x\n", "a: |-2\n   x\n", "a: | # why\n  x\n", "a: |x\n  y\n", "a: |\n  x\n y\n", "a: >+\n\n",
	"- |\n x\n- >\n y\n", "a: |\n  \tx\n", "a: >\n  x\n\n\n  y\n", "a: |\n  x\n  # not a comment\n# a comment\n",
	// Folded plain and quoted scalars.
	"a: x\n  y\n  z\n", "a: 'x\n  y'\n", "a: \"x\n  y\"\n", "a: \"x\\\n  y\"\n", "a: \"x\n\n  y\"\n", "a: x\n\n  y\n", "a: 1\n  2\n", "a:\n  x\n  y\n",
	// Anchors and aliases.
	"a: &x 1\nb: *x\n", "a: &x {b: 1}\nc: *x\n", "a: &x [1, 2]\nb: [*x, *x]\n", "a: *x\n", "a: &x\nb: *x\n", "&x a: 1\nb: *x\n", "a: &x 1\nb: &x 2\nc: *x\n",
	"a: &x yes\nb: *x\n", "a: &x [*x]\n", "a: &x {b: *x}\n", "&a k: &b v\n*b : *a\n", "- &x-y.z 1\n- *x-y.z\n", "a: &x |\n  t\nb: *x\n",
	// Merge keys.
	"a: &x {b: 1}\nc:\n  <<: *x\n", "a: &x {b: 1}\nc:\n  <<: *x\n  b: 2\n", "a: &x {b: 1}\nc:\n  b: 2\n  <<: *x\n", "<<: {a: 1}\nb: 2\n",
	"a: &x {b: 1}\ny: &y {b: 2, c: 3}\nd:\n  <<: [*x, *y]\n", "a: &x {b: 1}\ny: &y {b: 2, c: 3}\nd:\n  <<: [*y, *x]\n  e: 4\n", "<<: 1\n", "<<: [1]\n",
	"a: &x [1]\nb:\n  <<: *x\n", "\"<<\": {a: 1}\n", "'<<': {a: 1}\n", "<<: {}\n", "<<:\n", "<<: []\n", "!!merge <<: {a: 1}\n", "!!str <<: {a: 1}\n",
	"a: &x {b: {c: 1}}\nd:\n  <<: *x\n  b: {e: 2}\n", "a: &x {<<: {b: 1}, c: 2}\nd: {<<: *x}\n", "a: [<<, b]\n", "a: <<\n",
	// Keys that are no strings.
	"1: a\n", "1.5: a\n", "1e3: a\n", "1.0: a\n", "true: a\n", "yes: a\n", "null: a\n", "~: a\n", ": a\n", "0x10: a\n", "-1: a\n", "[1]: a\n", "{a: 1}: b\n", "? [1, 2]\n: a\n",
	"? a\n", "? a\n: b\n? c\n", "2001-01-01: a\n", ".inf: a\n", ".nan: a\n", "1_000: a\n", "010: a\n", "1.10: a\n", "!!str 1: a\n", "\"1\": a\n", "1e400: a\n",
	"12345678901234567: a\n", "0.1: a\n", "1e-7: a\n", "100000000.0: a\n", "123456789.5: a\n", "1e21: a\n", "!!float 1: a\n", "!!binary aGk=: a\n",
	// Tags.
	"a: !!int \"3\"\n", "a: !!float 3\n", "a: !!float \"x\"\n", "a: !!bool \"true\"\n", "a: !!bool \"x\"\n", "a: !!null \"\"\n", "a: !!str true\n", "a: !!map {b: 1}\n",
	"a: !!seq [1]\n", "a: !!map [1]\n", "a: !!set {b, c}\n", "a: !!omap [b: 1]\n", "a: !x {b: 1}\n", "a: !x [1]\n", "a: !x 1\n", "!!map\na: 1\n", "a: ! 1\n", "a: !!int 1.5\n",
	"a: !!int 1e3\n", "a: !!str [1]\n", "%TAG ! tag:example.com,2000:\n---\na: !x 1\n", "a: !!unknown 1\n", "a: !!str\n", "a: !!binary \"aGVsbG8=\"\n", "a: !!int 0x1F\n",
	"a: !!timestamp \"2001-01-01\"\n", "a: !!float 1_000.5\n", "a: !!str &x 1\nb: *x\n", "a: &x !!str 1\nb: *x\n", "a: !!bool yes\n", "a: !!bool y\n", "a: !!null x\n", "a: !!int yes\n",
	// Broken.
	"a: [1\n", "a: {b: 1\n", "a: 'x\n", "a: \"x\n", "a: ]\n", "a\nb: 1\n", "a: 1\nb\n", "- 1\na: 2\n", "a: 1\n- 2\n", "a: @x\n", "a: `x\n", "a: %x\n", "%\n", "a: !<x\n", "\x01\n", "a: \x07\n",
	"a: [1, 2\nb: 3\n", "a: {b: 1, c}\n", "[a, b]: c: d\n", "a: &\n", "a: 'b' c\n", "a: \"b\" c\n", "a: *x y\n", "- a\n b\n", "a:\n - b\n  - c\n", "{a: 1}}\n", "[1]]\n", "a: \"\\x4\"\n",
	// JSON.
	"{\"a\": 1, \"b\": [true, null, 1.5, \"x\"]}\n", "{\"a\":1,\"b\":{\"c\":2}}", "[1,2,3]", "{\n\t\"a\": 1\n}\n", "{\"a\": \"\\u00e9\\n\\/\"}", "{\"a\": 1e3, \"b\": 1.0, \"c\": -0}",
	"{\"a\": \"\\ud83d\\ude00\"}", "{\"a\" : 1 , }", "{\"a\": 1} x\n", "\"x\"", "1", "null", "true", "{\"a\": 017}", "{'a': 1}", "{\"a\": yes}",
}

// The same key twice in one mapping: kubectl's decoder keeps the last, and people lose half of what they wrote.
var duplicates = []string{
	"a: 1\na: 2\n", "a: 1\na: 1\n", "{a: 1, a: 2}\n", "a: 1\n\"a\": 2\n", "a: 1\n'a': 2\n", "x:\n  a: 1\n  b: 2\n  a: 3\n", "- {a: 1, b: 2, a: 3}\n",
	"{\"a\": 1, \"a\": 2}", "1: a\n1: b\n", "a: &x 1\n*x : 2\n1: 3\n", "yes: 1\ntrue: 2\n", "null: 1\n~: 2\n", "0x10: a\n16: b\n",
}
