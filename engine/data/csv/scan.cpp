// SPDX-License-Identifier: GPL-3.0-or-later
// Quotes that open where fields begin and close where they end tell inside from outside by their number alone, so line ends and
// delimiters outside are found by bits. A record with any other quote, or a NUL, goes to RecordReader.
#include "engine/data/csv/scan.h"

#include <cstdint>
#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/data/csv/scan.cpp"
#include <hwy/foreach_target.h>

#include <hwy/highway.h>

#ifndef PHIBENCH_CSV_SCAN_ONCE
#define PHIBENCH_CSV_SCAN_ONCE
namespace engine {

// Tallies the record at `at` of the part with care. Returns where the next one begins; 0: it may not end within the part.
inline std::size_t readWithCare(std::string_view part, std::size_t at, std::size_t offset, const CsvShape& shape, CsvTally& tally,
                                RecordView& record) {
    RecordReader reader(part.substr(at), shape.delimiter, tally.lines + 1);
    if (!reader.nextLine(record) || at + reader.offset() >= part.size()) return 0;
    tally.add(record, offset + at, reader.line(), shape);
    return at + reader.offset();
}

} // namespace engine
#endif

HWY_BEFORE_NAMESPACE();
namespace engine::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

struct Bits {
    std::uint64_t quotes = 0, delimiters = 0, lf = 0, cr = 0, nuls = 0;
};

HWY_INLINE Bits classify(const char* at, char delimiter) {
    const hn::CappedTag<std::uint8_t, 64> d;
    const std::size_t lanes = hn::Lanes(d);
    const auto quote = hn::Set(d, '"'), lf = hn::Set(d, '\n'), cr = hn::Set(d, '\r'),
               separator = hn::Set(d, static_cast<std::uint8_t>(delimiter));
    Bits bits;
    for (std::size_t i = 0; i < 64; i += lanes) {
        const auto v = hn::LoadU(d, reinterpret_cast<const std::uint8_t*>(at) + i);
        const auto add = [&](std::uint64_t& to, auto equal) HWY_ATTR {
            std::uint64_t word = 0;
            alignas(8) std::uint8_t bytes[8] = {};
            hn::StoreMaskBits(d, equal, bytes);
            std::memcpy(&word, bytes, sizeof word);
            to |= word << i;
        };
        add(bits.quotes, hn::Eq(v, quote));
        add(bits.delimiters, hn::Eq(v, separator));
        add(bits.lf, hn::Eq(v, lf));
        add(bits.cr, hn::Eq(v, cr));
        add(bits.nuls, hn::Eq(v, hn::Zero(d)));
    }
    return bits;
}

// Bit i: whether the bits up to and with i are odd in number.
HWY_INLINE std::uint64_t prefixXor(std::uint64_t bits) {
    for (unsigned shift = 1; shift < 64; shift *= 2) bits ^= bits << shift;
    return bits;
}

HWY_INLINE std::int64_t count(std::uint64_t bits) {
    return static_cast<std::int64_t>(hwy::PopCount(bits));
}

std::size_t ScanRecords(std::string_view part, std::size_t offset, const CsvShape& shape, CsvTally& tally) {
    const char* const text = part.data();
    const std::size_t size = part.size();
    const auto columns = static_cast<std::int64_t>(shape.columns);
    RecordView careful;
    std::size_t record = 0; // where the present one begins
    while (record < size) {
        // Of the text before the block at hand.
        std::uint64_t inQuotes = 0, afterStop = 1, afterClosing = 0;
        std::int64_t delimiters = 0, delimitersBefore = 0; // those outside quotes so far, and as many of them before the record
        std::int64_t lines = 0;
        const std::int64_t linesBefore = tally.lines;
        std::uint64_t odd = 0;
        for (std::size_t at = record; at < size && odd == 0; at += 64) {
            Bits bits = classify(text + at, shape.delimiter);
            std::uint64_t within = ~std::uint64_t{0};
            bool lfFollows = false;
            if (size - at > 64) {
                lfFollows = text[at + 64] == '\n';
            } else {
                within >>= 64 - (size - at);
                bits.cr &= within >> 1; // whether an LF follows the last byte is not known
            }
            bits.quotes &= within;
            const std::uint64_t inside = prefixXor(bits.quotes) ^ inQuotes; // an opening quote is inside, a closing one is not
            const std::uint64_t ends = (bits.lf | (bits.cr & ~(bits.lf >> 1 | std::uint64_t{lfFollows} << 63))) & within;
            const std::uint64_t outside = bits.delimiters & ~inside & within;
            const std::uint64_t stops = (bits.delimiters | bits.lf | bits.cr) & ~inside;
            const std::uint64_t opening = bits.quotes & inside, closing = bits.quotes & ~inside;
            const std::uint64_t closedBefore = closing << 1 | afterClosing;
            odd = ((opening & ~(stops << 1 | afterStop | closedBefore)) | (closedBefore & ~(stops | bits.quotes)) | bits.nuls) &
                  within;
            std::uint64_t recordEnds = ends & ~inside;
            if (odd) recordEnds &= (odd & (~odd + 1)) - 1;
            for (; recordEnds != 0; recordEnds &= recordEnds - 1) {
                const std::uint64_t upTo = recordEnds ^ (recordEnds - 1);
                const std::size_t end = at + hwy::Num0BitsBelowLS1Bit_Nonzero64(recordEnds);
                const std::int64_t delimitersNow = delimiters + count(outside & upTo);
                const std::int64_t fields = delimitersNow - delimitersBefore + 1;
                const bool crLf = text[end] == '\n' && end > record && text[end - 1] == '\r';
                const bool blank =
                    fields == 1 && part.substr(record, end - crLf - record).find_first_not_of(" \t") == std::string_view::npos;
                if (!blank) {
                    tally.ends[static_cast<std::size_t>(text[end] == '\r' ? LineEnd::Cr
                                                        : crLf            ? LineEnd::CrLf
                                                                          : LineEnd::Lf)] = true;
                    if (fields == columns)
                        tally.addRow(offset + record, tally.lines + 1);
                    else
                        tally.addOdd(CsvOddity::WrongFieldCount, tally.lines + 1, static_cast<std::size_t>(fields));
                    ++tally.records;
                }
                record = end + 1;
                delimitersBefore = delimitersNow;
                tally.lines = linesBefore + lines + count(ends & upTo);
            }
            delimiters += count(outside);
            lines += count(ends);
            inQuotes = std::uint64_t{0} - (inside >> 63);
            afterStop = stops >> 63;
            afterClosing = closing >> 63;
        }
        if (odd == 0) return record;
        const std::size_t next = readWithCare(part, record, offset, shape, tally, careful);
        if (next == 0) return record;
        record = next;
    }
    return record;
}

} // namespace engine::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace engine {

HWY_EXPORT(ScanRecords);

std::size_t scanRecords(std::string_view part, std::size_t offset, const CsvShape& shape, CsvTally& tally) {
    return HWY_DYNAMIC_DISPATCH(ScanRecords)(part, offset, shape, tally);
}

std::size_t guessFirstRecord(std::string_view part, char delimiter) {
    const auto isStop = [&](char c) { return c == delimiter || c == '\n' || c == '\r'; };
    // A quote between a stop and a letter opens a field, one between a letter and a stop closes one; of others it cannot be told.
    bool inQuotes = false, odd = false;
    for (std::size_t at = part.find('"'); at != std::string_view::npos; at = part.find('"', at + 1), odd = !odd) {
        if (at == 0 || at + 1 >= part.size()) continue;
        const char before = part[at - 1], after = part[at + 1];
        if (before == '"' || after == '"' || isStop(before) == isStop(after)) continue;
        inQuotes = isStop(before) == odd;
        break;
    }
    for (std::size_t at = 0; at < part.size(); ++at) {
        if (part[at] == '"') inQuotes = !inQuotes;
        if (inQuotes || (part[at] != '\n' && part[at] != '\r')) continue;
        if (at + 1 == part.size()) break; // a CR may be half of a line end
        if (part[at] == '\r' && part[at + 1] == '\n') ++at;
        return at + 1 < part.size() ? at + 1 : std::string_view::npos;
    }
    return std::string_view::npos;
}

} // namespace engine
#endif
