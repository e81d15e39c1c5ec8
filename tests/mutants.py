# SPDX-License-Identifier: Apache-2.0
"""Finds the changes of a C file that a test should notice, and writes all of them into it.

This is known as mutant schemata: each stretch of the code that has changes, an expression or
a simple statement, is written once as it is and once for each change, and mutant_number
chooses (tests/mutant.c). One build then holds every mutant. A change elsewhere (the size of
an array, a `case`, the initialiser of a static) cannot be written so, and is left out.
"""
import re

CODE = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
OTHER = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "==", "&&": "||", "||": "&&"}
RETURNS = {"true": "false", "false": "true", "0": "-1", "-1": "0", "1": "0"}
# A message of the log and an assertion are no behaviour that a test could see.
NOT_CALLS = re.compile(r"(log_|assert|va_|return|sizeof|if|while|for|switch|else|do)\w*$")
# Numbers whose change says nothing: of a return, which is changed as a whole, of the room
# that is allocated, and of an error that is only read after a failure, which sets it.
NO_NUMBER = re.compile(r"\breturn -?\d+;|\+ \d+\) \* sizeof|\broom \* \d+ : \d+;|\bstruct err \w+ = \{0\}")
# One item more of a document is NULL, which all that take one take as nothing.
NO_COMPARISON = re.compile(r"< node_count\(")
WORD = re.compile(r"[A-Za-z_]\w*")
SPACE = re.compile(r"\s*")
DECLARES = re.compile(r"(?:[A-Za-z_]\w*\s+)+(?:\*+\s*(?:const\s+)?)?[A-Za-z_]\w*\s*(?:=|,|\[|$)")
DESIGNATOR = re.compile(r"\s*(?:\.\w+|\[[^\]]*\])+\s*=(?!=)")
DECLARED = "extern int mutant_number; extern unsigned char *mutant_reached;\n"


def blank(text, filler=" "):
    """The text without comments and preprocessor lines; strings and characters are filled."""
    def spaces(match):
        return re.sub(r"[^\n]", " " if match.group()[0] == "/" else filler, match.group())
    text = CODE.sub(spaces, text)
    return re.sub(r"^[ \t]*#(?:\\\n|[^\n])*", lambda match: re.sub(r"[^\n]", " ", match.group()), text, flags=re.M)


def closing(code, start):
    """The place after the bracket that closes the one at `start`."""
    depth = 0
    for at in range(start, len(code)):
        if code[at] in "([{":
            depth += 1
        elif code[at] in ")]}":
            depth -= 1
            if depth == 0:
                return at + 1
    return len(code)


def split(code, start, end, separator):
    """The stretches between the separators that are in no bracket."""
    parts, at = [], start
    while at < end:
        if code[at] in "([{":
            at = closing(code, at)
        elif code[at] == separator:
            parts.append((start, at))
            start = at = at + 1
        else:
            at += 1
    return parts + [(start, end)]


def bodies_of(code):
    """Each function: (name, start, end) of what is within its braces."""
    found, at = [], code.find("{")
    while at >= 0:
        end = closing(code, at)
        head = code[:at].rstrip()
        if head.endswith(")"):
            line = re.findall(r"^[A-Za-z_][^\n]*", head, re.M)[-1]
            names = re.findall(r"(\w+)\(", line)
            found.append((names[0] if names else "?", at, end))
        at = code.find("{", end)
    return found


class Stretches:
    """The expressions and simple statements of a function's body: a parser of statements."""

    def __init__(self, code):
        self.code = code
        self.found = []

    def skip(self, at):
        return SPACE.match(self.code, at).end()

    def expression(self, start, end):
        start = self.skip(start)
        if start < end:
            self.found.append((start, start + len(self.code[start:end].rstrip()), "expression"))

    def initializer(self, start, end):
        start = self.skip(start)
        if self.code[start] != "{":
            self.expression(start, end)
            return
        for first, last in split(self.code, start + 1, closing(self.code, start) - 1, ","):
            named = DESIGNATOR.match(self.code, first, last)
            if self.code[first:last].strip():
                self.initializer(named.end() if named else first, last)

    def declaration(self, start, end):
        if re.match(r"static\b", self.code[start:end]):
            return
        for first, last in split(self.code, start, end, ","):
            equals = split(self.code, first, last, "=")
            if len(equals) > 1:
                self.initializer(equals[1][0], last)

    def declares(self, start, end):
        return DECLARES.match(self.code[start:end].strip())

    def header_of_for(self, start, end):
        parts = split(self.code, start, end, ";")
        if len(parts) != 3:
            return
        if self.declares(*parts[0]):
            self.declaration(self.skip(parts[0][0]), parts[0][1])
        else:
            self.expression(*parts[0])
        self.expression(*parts[1])
        self.expression(*parts[2])

    def simple(self, at):
        code, end = self.code, at
        while end < len(code) and code[end] != ";":
            end = closing(code, end) if code[end] in "([{" else end + 1
        word = WORD.match(code, at)
        if word and word.group() == "return":
            self.expression(word.end(), end)
        elif self.declares(at, end):
            self.declaration(at, end)
        elif end > at and end < len(code):
            self.found.append((at, end + 1, "statement"))
        return end + 1

    def statement(self, at):
        """Notes the stretches of one statement: the place after it."""
        code, at = self.code, self.skip(at)
        if code[at] == "{":
            return self.block(at)
        match = WORD.match(code, at)
        word = match.group() if match else ""
        after = self.skip(at + len(word))
        if word in ("case", "default"):
            return code.index(":", at) + 1
        if word == "else":
            return self.statement(after)
        if word == "do":
            at = code.index("(", self.skip(self.statement(after)))
            self.expression(at + 1, closing(code, at) - 1)
            return code.index(";", closing(code, at)) + 1
        if word and code[after] == "(":
            end = closing(code, after)
            if word == "for":
                self.header_of_for(after + 1, end - 1)
            elif word in ("if", "while", "switch"):
                self.expression(after + 1, end - 1)
            # What follows a macro that is a loop, as node_each(), is the body of it.
            if word in ("if", "while", "switch", "for") or re.match(r"[A-Za-z_{]", code[self.skip(end)]):
                return self.statement(end)
        return self.simple(at)

    def block(self, at):
        end = closing(self.code, at)
        at = self.skip(at + 1)
        while at < end - 1:
            at = self.skip(self.statement(at))
        return end


def sites_of(text):
    """Each possible change of a file: (from, to, new text, what it is)."""
    code = blank(text)
    found = []

    def add(start, end, new, what):
        found.append((start, end, new, what))

    for match in re.finditer(r"\bif \(", code):
        end = closing(code, match.end() - 1)
        inner = text[match.end():end - 1]
        add(match.end(), end - 1, f"!({inner})", "condition negated")
        if re.match(r"\s*return\b", code[end:]):
            add(match.end(), end - 1, f"0 && ({inner})", "guard dropped")
    for match in re.finditer(r"(?<![-<>=!&|+*/^%])(<=|>=|==|!=|&&|\|\||<|>)(?![<>=&|])", code):
        if NO_COMPARISON.match(code, match.start()):
            continue
        if code[match.start() - 1] == " " and code[match.end():match.end() + 1] in (" ", "\n"):
            new = OTHER[match.group()]
            add(match.start(), match.end(), new, f"{match.group()} is {new}")
    numberless = [match.span() for match in NO_NUMBER.finditer(code)]
    for match in re.finditer(r"(?<![\w.\"])(\d+)([uUlL]*)(?![\w.\"])", code):
        if any(start <= match.start() < end for start, end in numberless):
            continue
        number = int(match.group(1), 8 if match.group(1)[0] == "0" and len(match.group(1)) > 1 else 10)
        new = {0: "1", 1: "0"}.get(number, str(number + 1)) + match.group(2)
        add(match.start(), match.end(), new, f"{match.group()} is {new}")
    for match in re.finditer(r"^[ \t]+(?:\(void\))?([a-z_]\w*)\(", code, re.M):
        end = closing(code, match.end() - 1)
        if code[end:end + 1] == ";" and not NOT_CALLS.match(match.group(1)):
            start = match.start(1)
            before = code[:start].rstrip().removesuffix("(void)").rstrip()
            if before and before[-1] in ";{})":
                add(start, end, "(void)0", f"{match.group(1)}() is not called")
    for match in re.finditer(r"\breturn (true|false|0|-1|1);", code):
        new = RETURNS[match.group(1)]
        add(match.start(1), match.end(1), new, f"returns {new}")
    for match in re.finditer(r"\breturn ([^;]*[<>=!&|][^;]*);", code):
        add(match.start(1), match.end(1), f"!({text[match.start(1):match.end(1)]})", "return negated")
    return found


class Mutant:
    """A change of one place, and the stretch of code in which it is."""

    def __init__(self, path, text, site, function, stretch):
        self.path, self.function, self.stretch = path, function, stretch
        self.start, self.end, self.new, self.what = site
        self.line = text.count("\n", 0, self.start) + 1
        self.last_line = text.count("\n", 0, stretch[1]) + 1
        self.source = text.split("\n")[self.line - 1].strip()
        self.number = self.place = 0

    def __str__(self):
        return f"{self.path}:{self.line}: {self.function}(): {self.what}\n    {self.source}"


def mutants_of(path, text):
    """The mutants of a file that can be written into it, and how many cannot."""
    code = blank(text, "0")
    found, left_out = [], 0
    functions = []
    for name, start, end in bodies_of(code):
        stretches = Stretches(code)
        stretches.block(start)
        functions.append((name, start, end, stretches.found))
    for site in sites_of(text):
        for name, start, end, stretches in functions:
            if start < site[0] < end:
                within = [s for s in stretches if s[0] <= site[0] and site[1] <= s[1]
                          and not re.search(r"^[ \t]*#", text[s[0]:s[1]], re.M)]
                left_out += not within
                found += [Mutant(path, text, site, name, within[0])] if within else []
    return found, left_out


def one_line(text):
    return re.sub(r"\s*\n\s*", " ", CODE.sub(lambda m: " " if m.group()[0] == "/" else m.group(), text))


def write_stretch(path, text, mutants):
    """A stretch as it is and with each change; a compiler's complaint names the mutant."""
    start, end, kind = mutants[0].stretch
    line = text.count("\n", 0, end) + 1
    place = mutants[0].number
    statement = kind == "statement"
    out = [f"{{ mutant_reached[{place}] = 1;" if statement else f"(mutant_reached[{place}] = 1,"]
    for mutant in mutants:
        mutant.place = place
        changed = one_line(text[start:mutant.start] + mutant.new + text[mutant.end:end])
        out.append(f'#line {mutant.number} "mutant"')
        out.append(f"if (mutant_number == {mutant.number}) {{ {changed} }} else" if statement else
                   f"mutant_number == {mutant.number} ? ({changed}) :")
    out.append(f'#line {line} "{path}"')
    whole = one_line(text[start:end])
    out.append(f"{{ {whole} }} }}" if statement else f"({whole}))")
    return "\n".join(out)


def rewrite(path, text, mutants):
    """The file with all of these mutants in it; each has a number."""
    out, at, stretches = [DECLARED, f'#line 1 "{path}"\n'], 0, {}
    for mutant in mutants:
        stretches.setdefault(mutant.stretch, []).append(mutant)
    for stretch in sorted(stretches):
        out += [text[at:stretch[0]], write_stretch(path, text, stretches[stretch])]
        at = stretch[1]
    return "".join(out) + text[at:]
