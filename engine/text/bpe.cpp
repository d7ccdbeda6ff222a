// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/text/bpe.h"
#include "engine/text/byte_level.h"
#include "engine/text/unicode.h"

#include <algorithm>
#include <bit>
#include <limits>

namespace engine {

namespace {

constexpr std::uint32_t kNever = std::numeric_limits<std::uint32_t>::max();
constexpr std::uint64_t kFree = std::numeric_limits<std::uint64_t>::max();
constexpr std::size_t kFew = 48; // symbols up to which searching all pairs anew beats a heap

std::uint64_t keyOf(std::int32_t left, std::int32_t right) {
    return static_cast<std::uint64_t>(static_cast<std::uint32_t>(left)) << 32 | static_cast<std::uint32_t>(right);
}

std::size_t slotOf(std::uint64_t key, int shift) {
    return static_cast<std::size_t>((key * 0x9E3779B97F4A7C15ULL) >> shift);
}

/// Falls as scores rise; kNever for NaN.
std::uint32_t rankOf(double score) {
    if (score != score) return kNever;
    const auto bits = std::bit_cast<std::uint32_t>(static_cast<float>(score) + 0.0F); // one zero of the two
    const std::uint32_t rising = bits & 0x80000000U ? ~bits : bits | 0x80000000U;
    return std::min(~rising, kNever - 1);
}

std::string fallbackToken(unsigned byte) {
    constexpr char kHex[] = "0123456789ABCDEF";
    return {'<', '0', 'x', kHex[byte >> 4], kHex[byte & 15], '>'};
}

} // namespace

Bpe::Bpe(const Vocabulary& vocabulary, const std::vector<Merge>& merges, const BpeOptions& options) : m_options(options) {
    const std::size_t capacity = std::bit_ceil(std::max<std::size_t>(16, 2 * merges.size()));
    m_shift = 64 - std::countr_zero(capacity);
    m_pairs.assign(capacity, {kFree, kNever, -1});
    for (const Merge& merge : merges) {
        const std::uint64_t key = keyOf(merge.left, merge.right);
        std::size_t at = slotOf(key, m_shift);
        while (m_pairs[at].key != kFree && m_pairs[at].key != key) at = (at + 1) & (capacity - 1);
        m_pairs[at] = {key, merge.rank, merge.result};
    }
    readSymbols(vocabulary);
}

Bpe::Bpe(const Vocabulary& vocabulary, const std::vector<double>& scores, const BpeOptions& options) : m_options(options) {
    for (const double score : scores) m_ranks.push_back(rankOf(score));
    readSymbols(vocabulary);
}

void Bpe::readSymbols(const Vocabulary& vocabulary) {
    for (unsigned byte = 0; byte < 256; ++byte)
        m_bytes[byte] = vocabulary.find(m_options.byteLevel ? byteSymbol(static_cast<unsigned char>(byte)) : fallbackToken(byte));
    if (m_options.byteLevel) return;
    for (std::int32_t id = 0; id < vocabulary.size(); ++id) {
        const std::string& token = vocabulary.at(id);
        if (token.empty()) continue;
        const Character c = characterAt(token, 0);
        if (c.valid && c.bytes == token.size()) m_characters.emplace(c.code, id);
    }
}

Bpe::Match Bpe::findByScore(std::int32_t left, std::int32_t right, const Vocabulary& vocabulary) const {
    const std::string &first = vocabulary.at(left), &second = vocabulary.at(right);
    std::array<char, 256> both;
    if (first.size() + second.size() > both.size()) return {kNever, -1};
    std::copy(second.begin(), second.end(), std::copy(first.begin(), first.end(), both.begin()));
    const std::int32_t id = vocabulary.find({both.data(), first.size() + second.size()});
    return {id < 0 ? kNever : m_ranks[static_cast<std::size_t>(id)], id};
}

Bpe::Match Bpe::find(std::int32_t left, std::int32_t right, const Vocabulary& vocabulary) const {
    if (m_pairs.empty()) return findByScore(left, right, vocabulary);
    const std::uint64_t key = keyOf(left, right);
    std::size_t at = slotOf(key, m_shift);
    while (m_pairs[at].key != key) {
        if (m_pairs[at].key == kFree) return {kNever, -1};
        at = (at + 1) & (m_pairs.size() - 1);
    }
    return {m_pairs[at].rank, m_pairs[at].result};
}

bool Bpe::isToken(std::string_view word, const Vocabulary& vocabulary, std::int32_t& id) const {
    if (!m_options.byteLevel) {
        id = vocabulary.find(word);
        return id >= 0;
    }
    std::string symbols;
    for (char byte : word) symbols += byteSymbol(static_cast<unsigned char>(byte));
    id = vocabulary.find(symbols);
    return id >= 0;
}

// Writes at most word.size() symbols.
std::size_t Bpe::appendSymbols(std::string_view word, std::int32_t* symbols) const {
    std::size_t count = 0;
    const std::int32_t unknown = m_options.unknown;
    if (m_options.byteLevel && unknown < 0) {
        for (char byte : word) {
            const std::int32_t id = m_bytes[static_cast<unsigned char>(byte)];
            if (id >= 0) symbols[count++] = id;
        }
        return count;
    }
    bool pending = false;
    const auto miss = [&] {
        if (unknown < 0) return;
        if (pending && !m_options.fuseUnknown) symbols[count++] = unknown;
        pending = true;
    };
    const auto hit = [&](std::int32_t id) {
        if (pending) symbols[count++] = unknown;
        pending = false;
        symbols[count++] = id;
    };
    for (std::size_t at = 0; at < word.size();) {
        if (m_options.byteLevel) {
            const std::int32_t id = m_bytes[static_cast<unsigned char>(word[at++])];
            if (id >= 0)
                hit(id);
            else
                miss();
            continue;
        }
        const Character c = characterAt(word, at);
        const std::string_view bytes = word.substr(at, c.bytes);
        at += c.bytes;
        const auto known = c.valid ? m_characters.find(c.code) : m_characters.end();
        if (known != m_characters.end()) {
            hit(known->second);
            continue;
        }
        const auto inVocabulary = [&](char byte) { return m_bytes[static_cast<unsigned char>(byte)] >= 0; };
        if (m_options.byteFallback && std::all_of(bytes.begin(), bytes.end(), inVocabulary)) {
            for (char byte : bytes) hit(m_bytes[static_cast<unsigned char>(byte)]);
            continue;
        }
        miss();
    }
    if (pending) symbols[count++] = unknown;
    return count;
}

std::size_t Bpe::mergeFew(std::int32_t* symbols, std::size_t count, const Vocabulary& vocabulary) const {
    std::array<Match, kFew> matches;
    for (std::size_t n = 0; n + 1 < count; ++n) matches[n] = find(symbols[n], symbols[n + 1], vocabulary);
    while (count > 1) {
        std::size_t best = 0;
        for (std::size_t n = 1; n + 1 < count; ++n)
            if (matches[n].rank < matches[best].rank) best = n;
        if (matches[best].rank == kNever) break;
        symbols[best] = matches[best].result;
        std::copy(symbols + best + 2, symbols + count, symbols + best + 1);
        std::copy(matches.begin() + static_cast<std::ptrdiff_t>(best) + 1,
                  matches.begin() + static_cast<std::ptrdiff_t>(count) - 1, matches.begin() + static_cast<std::ptrdiff_t>(best));
        --count;
        if (best > 0) matches[best - 1] = find(symbols[best - 1], symbols[best], vocabulary);
        if (best + 1 < count) matches[best] = find(symbols[best], symbols[best + 1], vocabulary);
    }
    return count;
}

void Bpe::mergeMany(const std::vector<std::int32_t>& symbols, const Vocabulary& vocabulary,
                    std::vector<std::int32_t>& ids) const {
    struct Node {
        std::int32_t id;
        std::size_t previous, next;
    };
    struct Candidate {
        std::uint32_t rank;
        std::size_t at;
        std::int32_t result;
    };
    constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();
    constexpr std::int32_t kGone = -1;
    const auto later = [](const Candidate& a, const Candidate& b) { return a.rank != b.rank ? a.rank > b.rank : a.at > b.at; };

    std::vector<Node> nodes(symbols.size());
    std::vector<Candidate> heap;
    for (std::size_t n = 0; n < symbols.size(); ++n) {
        nodes[n] = {symbols[n], n == 0 ? kNone : n - 1, n + 1 == symbols.size() ? kNone : n + 1};
        if (n + 1 == symbols.size()) break;
        if (const Match match = find(symbols[n], symbols[n + 1], vocabulary); match.rank != kNever)
            heap.push_back({match.rank, n, match.result});
    }
    std::make_heap(heap.begin(), heap.end(), later);
    const auto consider = [&](std::size_t at) {
        if (at == kNone || nodes[at].next == kNone) return;
        const Match match = find(nodes[at].id, nodes[nodes[at].next].id, vocabulary);
        if (match.rank == kNever) return;
        heap.push_back({match.rank, at, match.result});
        std::push_heap(heap.begin(), heap.end(), later);
    };
    while (!heap.empty()) {
        std::pop_heap(heap.begin(), heap.end(), later);
        const Candidate top = heap.back();
        heap.pop_back();
        Node& left = nodes[top.at];
        if (left.id == kGone || left.next == kNone) continue;
        Node& right = nodes[left.next];
        if (find(left.id, right.id, vocabulary).result != top.result)
            continue; // of symbols that have merged with others meanwhile
        left.id = top.result;
        right.id = kGone;
        left.next = right.next;
        if (left.next != kNone) nodes[left.next].previous = top.at;
        consider(left.previous);
        consider(top.at);
    }
    for (std::size_t at = 0; at != kNone; at = nodes[at].next) ids.push_back(nodes[at].id);
}

void Bpe::encode(std::string_view word, const Vocabulary& vocabulary, std::vector<std::int32_t>& ids) const {
    if (word.empty() || (m_pairs.empty() && m_ranks.empty())) return;
    if (std::int32_t id = -1; m_options.ignoreMerges && isToken(word, vocabulary, id)) {
        ids.push_back(id);
        return;
    }
    if (word.size() <= kFew) {
        std::array<std::int32_t, kFew> symbols;
        const std::size_t count = mergeFew(symbols.data(), appendSymbols(word, symbols.data()), vocabulary);
        ids.insert(ids.end(), symbols.begin(), symbols.begin() + static_cast<std::ptrdiff_t>(count));
        return;
    }
    std::vector<std::int32_t> symbols(word.size());
    symbols.resize(appendSymbols(word, symbols.data()));
    if (!symbols.empty()) mergeMany(symbols, vocabulary, ids);
}

} // namespace engine
