"""The canonical form of docs/canonical-form.md in a few lines of Python, as an insurer might write it.

Usage: canonical_form.py <folder of .avsc files> <full name of the state's record>  < state.json
Prints the canonical form on one line and its SHA-256 on the next.
"""
import glob, hashlib, json, sys, unicodedata

TYPES = {}


def load(folder):
    for path in glob.glob(folder + "/*.avsc"):
        with open(path, encoding="utf-8") as file:
            remember(json.load(file), None)


def remember(schema, namespace):
    if isinstance(schema, list):
        for branch in schema:
            remember(branch, namespace)
    elif isinstance(schema, dict):
        namespace = schema.get("namespace", namespace)
        if "name" in schema:
            TYPES[f"{namespace}.{schema['name']}"] = schema
        for field in schema.get("fields", []):
            remember(field["type"], namespace)
        remember(schema.get("items"), namespace)


def resolve(schema):
    if isinstance(schema, list):
        schema = next(branch for branch in schema if branch != "null")
    return TYPES.get(schema, schema) if isinstance(schema, str) else schema


def text(value):
    return json.dumps(unicodedata.normalize("NFC", value), ensure_ascii=False)


def number(value):
    if float(value).is_integer() and abs(value) < 1e21:
        return str(int(value))
    mantissa, _, exponent = repr(value).partition("e")
    return mantissa + (f"e{int(exponent):+d}" if exponent else "")


def utf16(value):
    return value.encode("utf-16-be")


def write(value, schema):
    schema = resolve(schema)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return number(value)
    if isinstance(value, str):
        return text(value)
    if isinstance(value, list):
        return write_list(value, schema)
    parts = []
    for field in sorted(schema["fields"], key=lambda field: utf16(field["name"])):
        content = value.get(field["name"])
        if content is None or content == [] or field["name"] in schema.get("leftOut", []):
            continue
        written = write(content, field["type"])
        default = field.get("default")
        if default is None or written != write(default, field["type"]):
            parts.append(text(field["name"]) + ":" + written)
    return "{" + ",".join(parts) + "}"


def write_list(elements, schema):
    key = schema.get("listKey")
    if key:
        return "[" + ",".join(write(e, schema["items"]) for e in sorted(elements, key=lambda e: utf16(unicodedata.normalize("NFC", e[key])))) + "]"
    by_value = (lambda e: (0, e, b"")) if all(isinstance(e, (int, float)) for e in elements) else (lambda e: (1, 0, utf16(unicodedata.normalize("NFC", e))))
    written = [write(e, schema["items"]) for e in sorted(elements, key=by_value)]
    return "[" + ",".join(dict.fromkeys(written)) + "]"


if __name__ == "__main__":
    load(sys.argv[1])
    record = {**TYPES[sys.argv[2]], "leftOut": ["createdAt", "updatedAt"]}
    form = write(json.load(sys.stdin), record)
    sys.stdout.buffer.write(form.encode("utf-8") + b"\n")
    print(hashlib.sha256(form.encode("utf-8")).hexdigest())
