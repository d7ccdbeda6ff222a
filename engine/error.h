// SPDX-License-Identifier: GPL-3.0-or-later
// Failures (Error, thrown) and expected problems (Issue, returned).
#pragma once
#include "engine/words/enum_words.h"

#include <stdexcept>
#include <string>
#include <vector>

namespace engine {

enum class ErrorCode {
    BadInput,    // the person's file, setting or argument is wrong: exit code 2
    NotFound,    // a file, model, run or tensor that is not there: exit code 2
    Io,          // the system refused: full disk, permission: exit code 1
    Busy,        // another process holds the database: exit code 1
    OutOfMemory, // exit code 1
    Internal     // our mistake: exit code 1
};
constexpr std::array<EnumWord<ErrorCode>, 6> wordsOf(ErrorCode) {
    return {{{ErrorCode::BadInput, "bad_input"},
             {ErrorCode::NotFound, "not_found"},
             {ErrorCode::Io, "io"},
             {ErrorCode::Busy, "busy"},
             {ErrorCode::OutOfMemory, "out_of_memory"},
             {ErrorCode::Internal, "internal"}}};
}

/// A failure in one sentence that says what is wrong and where, and a hint that says what to do.
class Error : public std::runtime_error {
public:
    Error(ErrorCode code, std::string message, std::string hint = {})
        : std::runtime_error(hint.empty() ? message : message + " " + hint), m_code(code), m_message(std::move(message)),
          m_hint(std::move(hint)) {}
    ErrorCode code() const noexcept { return m_code; }
    const std::string& message() const noexcept { return m_message; }
    const std::string& hint() const noexcept { return m_hint; }

private:
    ErrorCode m_code;
    std::string m_message;
    std::string m_hint;
};

/// Thrown by long calls when their stop_token asks for it. No failure, so no Error.
struct StopRequested {};

enum class Severity { Note, Warning, Error };
constexpr std::array<EnumWord<Severity>, 3> wordsOf(Severity) {
    return {{{Severity::Note, "note"}, {Severity::Warning, "warning"}, {Severity::Error, "error"}}};
}

/// An expected problem of an input, found while reading or validating it. Line and column are 1-based, 0 = unknown.
struct Issue {
    Severity severity = Severity::Error;
    std::string path; // file, or the key of a setting ("lora.r")
    int line = 0;
    int column = 0;
    std::string message; // what is wrong and what to do
};

/// "path:line:column: message", leaving out what is unknown.
std::string toString(const Issue& issue);

/// True when any issue is an error.
bool hasErrors(const std::vector<Issue>& issues);

} // namespace engine
