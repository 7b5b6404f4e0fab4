// Whether a device computes what it should: every operator and tiny random models, without any file of a person.
#pragma once

#include <string>

#include "core/json.h"

namespace amalgam::tools {

/// Runs every check of tests/native that fits the device: operators on random shapes with poisoned outputs against
/// references in double; tiny random models of every family, batched against alone, with the cache against without, and
/// on a graphics card against the processor. { "device", "passed", "failed", "checks": [{ "name", "seconds", "problem":
/// null or what was found }] }. Throws Error "device-unknown" and those of a device that cannot be opened.
core::Json run_selftest(const std::string& device, int threads);

}  // namespace amalgam::tools
