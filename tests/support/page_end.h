// SPDX-License-Identifier: GPL-3.0-or-later
// Values that end where a page does, as a mapped file's last ones may: whatever reads or writes past them crashes.
#pragma once
#include <algorithm>
#include <new>
#include <span>
#include <sys/mman.h>
#include <unistd.h>

namespace testing_support {

template <class T> class PageEnd {
public:
    template <class Values> // a vector or alike
    explicit PageEnd(const Values& values) : m_count(std::size(values)) {
        const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
        m_inside = (m_count * sizeof(T) + page - 1) / page * page;
        m_bytes = m_inside + page;
        void* const begin = mmap(nullptr, m_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (begin == MAP_FAILED) throw std::bad_alloc();
        m_begin = static_cast<char*>(begin);
        mprotect(m_begin + m_inside, page, PROT_NONE);
        std::copy(std::begin(values), std::end(values), data());
    }
    ~PageEnd() { munmap(m_begin, m_bytes); }
    PageEnd(const PageEnd&) = delete;
    PageEnd& operator=(const PageEnd&) = delete;

    T* data() const { return reinterpret_cast<T*>(m_begin + m_inside) - m_count; }
    std::span<T> values() const { return {data(), m_count}; }

private:
    std::size_t m_count = 0, m_inside = 0, m_bytes = 0;
    char* m_begin = nullptr;
};

} // namespace testing_support
