// The JSON forms in which progress and errors leave the library.
#pragma once

#include "core/error.h"
#include "core/json.h"
#include "core/progress.h"

namespace amalgam::core {

/// { stage, done, total, unit, rate, etaSeconds: number | null }
Json to_json(const ProgressReport& report);

/// { code, message } and, where known, path, tensor, hint.
Json to_json(const Error& error);

}  // namespace amalgam::core
