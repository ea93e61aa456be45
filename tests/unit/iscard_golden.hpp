#pragma once

#include <map>
#include <string>

struct IDispatch;

/// Runs one of fixtures/iscard/*.golden against the library, through late binding, and checks every line of
/// it. `objects` are there from the start, by name; they stay the caller's. The format is in
/// fixtures/iscard/README.md.
void run_golden(const std::string& file, const std::map<std::string, IDispatch*>& objects = {});
