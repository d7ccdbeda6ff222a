// SPDX-License-Identifier: GPL-3.0-or-later
// A second process of the same program, for what only a second process can do to a file.
#pragma once
#include <csignal>
#include <cstdio>
#include <exception>
#include <sys/wait.h>
#include <unistd.h>

namespace testing_support {

/// Runs `work(pipe)` in a child of this process, which must have no threads and no open database when it is made.
class Child {
public:
    template <typename Work> explicit Child(Work work) {
        if (::pipe(m_pipe) != 0) return;
        m_pid = ::fork();
        if (m_pid == 0) {
            ::close(m_pipe[0]);
            int status = 1;
            try {
                work(m_pipe[1]);
                status = 0;
            } catch (const std::exception& error) { std::fprintf(stderr, "child: %s\n", error.what()); }
            ::_exit(status);
        }
        ::close(m_pipe[1]);
    }
    ~Child() {
        if (m_pid > 0) kill();
        ::close(m_pipe[0]);
    }
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;

    /// Waits until the child has called tell() `count` times more; false: it ended first.
    bool told(int count = 1) {
        for (char c; count > 0; --count)
            if (::read(m_pipe[0], &c, 1) != 1) return false;
        return true;
    }
    void kill() {
        ::kill(m_pid, SIGKILL);
        wait();
    }
    /// Its exit status; 0: `work` came to its end.
    int wait() {
        int status = -1;
        ::waitpid(m_pid, &status, 0);
        m_pid = -1;
        return status;
    }
    pid_t pid() const { return m_pid; }

private:
    int m_pipe[2] = {-1, -1};
    pid_t m_pid = -1;
};

inline void tell(int pipe) {
    if (::write(pipe, "x", 1) != 1) ::_exit(2);
}

} // namespace testing_support
