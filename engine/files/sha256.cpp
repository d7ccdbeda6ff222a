// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/files/sha256.h"
#include "engine/error.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>
#include <vector>
#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#endif

namespace engine {

namespace {

alignas(16) constexpr std::array<std::uint32_t, 64> kRound{
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01,
    0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc,
    0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
    0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08,
    0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
    0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

void plainBlock(std::array<std::uint32_t, 8>& state, const unsigned char* data) {
    std::array<std::uint32_t, 64> w;
    for (std::size_t i = 0; i < 16; ++i)
        w[i] = std::uint32_t{data[4 * i]} << 24 | std::uint32_t{data[4 * i + 1]} << 16 | std::uint32_t{data[4 * i + 2]} << 8 |
               data[4 * i + 3];
    for (std::size_t i = 16; i < 64; ++i) {
        const std::uint32_t s0 = std::rotr(w[i - 15], 7) ^ std::rotr(w[i - 15], 18) ^ (w[i - 15] >> 3);
        const std::uint32_t s1 = std::rotr(w[i - 2], 17) ^ std::rotr(w[i - 2], 19) ^ (w[i - 2] >> 10);
        w[i] = w[i - 16] + s0 + w[i - 7] + s1;
    }
    auto [a, b, c, d, e, f, g, h] = state;
    for (std::size_t i = 0; i < 64; ++i) {
        const std::uint32_t t1 =
            h + (std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25)) + ((e & f) ^ (~e & g)) + kRound[i] + w[i];
        const std::uint32_t t2 = (std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
        h = g, g = f, f = e, e = d + t1, d = c, c = b, b = a, a = t1 + t2;
    }
    const std::array<std::uint32_t, 8> add{a, b, c, d, e, f, g, h};
    for (std::size_t i = 0; i < 8; ++i) state[i] += add[i];
}

#if defined(__x86_64__)
// Intel's SHA extensions: the state travels as (a b e f) and (c d g h), four rounds a step.
__attribute__((target("sha,sse4.1"))) void shaBlock(std::array<std::uint32_t, 8>& state, const unsigned char* data) {
    const __m128i order = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    const __m128i dcba = _mm_shuffle_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(state.data())), 0xB1);
    const __m128i hgfe = _mm_shuffle_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(state.data() + 4)), 0x1B);
    __m128i abef = _mm_alignr_epi8(dcba, hgfe, 8);
    __m128i cdgh = _mm_blend_epi16(hgfe, dcba, 0xF0);
    const __m128i abefBefore = abef, cdghBefore = cdgh;
    __m128i w[4];
#pragma GCC unroll 16
    for (unsigned i = 0; i < 16; ++i) {
        __m128i& now = w[i & 3];
        if (i < 4) {
            now = _mm_shuffle_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(data) + i), order);
        } else {
            const __m128i last = w[(i - 1) & 3];
            const __m128i sum =
                _mm_add_epi32(_mm_sha256msg1_epu32(now, w[(i - 3) & 3]), _mm_alignr_epi8(last, w[(i - 2) & 3], 4));
            now = _mm_sha256msg2_epu32(sum, last);
        }
        const __m128i step = _mm_add_epi32(now, _mm_load_si128(reinterpret_cast<const __m128i*>(kRound.data()) + i));
        cdgh = _mm_sha256rnds2_epu32(cdgh, abef, step);
        abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(step, 0x0E));
    }
    abef = _mm_shuffle_epi32(_mm_add_epi32(abef, abefBefore), 0x1B);
    cdgh = _mm_shuffle_epi32(_mm_add_epi32(cdgh, cdghBefore), 0xB1);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(state.data()), _mm_blend_epi16(abef, cdgh, 0xF0));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(state.data() + 4), _mm_alignr_epi8(cdgh, abef, 8));
}

bool hasShaInstructions() {
    unsigned a = 0, b = 0, c = 0, d = 0;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_SSE4_1) || !(c & bit_SSSE3)) return false;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_SHA);
}
#endif

using BlockFunction = void (*)(std::array<std::uint32_t, 8>&, const unsigned char*);
BlockFunction chooseBlock() {
#if defined(__x86_64__)
    if (hasShaInstructions()) return shaBlock;
#endif
    return plainBlock;
}

} // namespace

Sha256::Sha256() : m_state{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19} {}

void Sha256::block(const unsigned char* data) {
    static const BlockFunction function = chooseBlock();
    function(m_state, data);
}

void Sha256::update(const void* data, std::size_t size) {
    const auto* from = static_cast<const unsigned char*>(data);
    const std::size_t held = m_length % 64;
    m_length += size;
    if (held > 0) {
        const std::size_t take = std::min(size, 64 - held);
        std::copy_n(from, take, m_buffer.data() + held);
        if (held + take < 64) return;
        block(m_buffer.data());
        from += take;
        size -= take;
    }
    for (; size >= 64; from += 64, size -= 64) block(from);
    std::copy_n(from, size, m_buffer.data());
}

std::string Sha256::hex() {
    const std::uint64_t bits = m_length * 8;
    const std::array<unsigned char, 64> padding{0x80};
    const std::size_t held = m_length % 64;
    update(padding.data(), held < 56 ? 56 - held : 120 - held);
    std::array<unsigned char, 8> length;
    for (std::size_t i = 0; i < 8; ++i) length[i] = static_cast<unsigned char>(bits >> (56 - 8 * i));
    update(length.data(), length.size());
    std::string digits;
    for (std::uint32_t word : m_state)
        for (int shift = 28; shift >= 0; shift -= 4) digits += "0123456789abcdef"[(word >> shift) & 15];
    return digits;
}

std::string sha256(std::string_view bytes) {
    Sha256 hash;
    hash.update(bytes.data(), bytes.size());
    return hash.hex();
}

std::string sha256File(const std::filesystem::path& file) {
    const auto fail = [&](int code) {
        throw Error(code == ENOENT || code == ENOTDIR ? ErrorCode::NotFound : ErrorCode::Io,
                    file.string() + " cannot be read: " + std::strerror(code) + ".");
    };
    const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) fail(errno);
    Sha256 hash;
    std::vector<unsigned char> buffer(std::size_t{1} << 20);
    for (;;) {
        const ssize_t got = ::read(descriptor, buffer.data(), buffer.size());
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) {
            const int code = got < 0 ? errno : 0;
            ::close(descriptor);
            if (code != 0) fail(code);
            return hash.hex();
        }
        hash.update(buffer.data(), static_cast<std::size_t>(got));
    }
}

} // namespace engine
