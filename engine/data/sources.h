// A line a kind of file: data/NAME/NAME.cpp defines `TableSource NAMESource()` in engine. The first that recognises a file opens
// it.
TABLE_SOURCE(csv) // last: it takes any text
