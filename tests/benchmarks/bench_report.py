# SPDX-License-Identifier: GPL-3.0-or-later
"""The measurements as Markdown."""

COLUMNS = ("work", "peer", "the peer's", "ours", "ratio", "at least", "peak memory, peer", "ours", "ratio")


def _number(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _measured(outcome, party, row):
    text = f"{_number(outcome.median(party, row.value))} {row.unit}"
    low, high = outcome.range(party, row.value)
    return f"{text} ({_number(low)}–{_number(high)})" if len(outcome.measurements[party]) > 1 else text


def ratio(outcome, row):
    ours, peer = outcome.median(row.ours, row.value), outcome.median(row.peer, row.value)
    return peer / ours if row.unit == "s" else ours / peer


def _bytes(size):
    return f"{size / 1e9:.2f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"


def _line(cells):
    return "| " + " | ".join(cells) + " |"


def table(outcomes):
    lines = [_line(COLUMNS), "|" + " --- |" * len(COLUMNS)]
    for outcome in outcomes:
        for row in outcome.work.rows:
            if outcome.failure:
                lines.append(_line([row.title, row.peer_name, "failed", "", "", "", "", "", ""]))
                continue
            wanted = f"{row.least:g} ×, {'met' if ratio(outcome, row) >= row.least else 'not met'}" if row.least else ""
            peer, ours = outcome.peak(row.peer), outcome.peak(row.ours)
            most = f" (at most {_bytes(row.most_bytes)}, {'met' if ours <= row.most_bytes else 'not met'})" if row.most_bytes else ""
            lines.append(_line([row.title, row.peer_name, _measured(outcome, row.peer, row), _measured(outcome, row.ours, row),
                                f"{ratio(outcome, row):.{1 if ratio(outcome, row) >= 1 else 2}f} ×", wanted, _bytes(peer), _bytes(ours) + most, f"{ours / peer:.2f}"]))
    return "\n".join(lines)


def checks(outcomes):
    lines = []
    for outcome in outcomes:
        sentences = [f"**failed**: {outcome.failure}"] if outcome.failure else [("" if c.passed else "**no**: ") + c.sentence for c in outcome.checks]
        lines.append(f"- {outcome.work.name}: " + "; ".join(sentences) + ".")
    return "\n".join(lines)


def report(outcomes, facts, what):
    """`what` says which model, rows and repetitions; facts are (name, value)."""
    return "\n".join([
        "# Phibench against its peers", "", what, "", table(outcomes), "",
        "Rates and seconds are medians, with the lowest and the highest; memory is the most that the process ever held (resident). A ratio "
        "over 1 is in our favour in speed, one under 1 in memory.", "",
        "## Was it the same work?", "", checks(outcomes), "", "## The machine", "", *(f"- {name}: {value}" for name, value in facts), ""])
