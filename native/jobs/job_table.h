// The kinds of jobs, by name. Shared by the addon and engine_cli; includes nothing of Node.
#pragma once

#include <span>
#include <string_view>

#include "core/cancel.h"
#include "core/json.h"
#include "core/progress.h"

namespace amalgam::jobs {

/// Takes a request, tells its progress, polls the token, returns a result; throws core::Error.
using JobFunction = core::Json (*)(const core::Json& request, core::Progress& progress,
                                   const core::CancelToken& cancel);

struct JobKind {
  std::string_view name;
  JobFunction run;
};

/// All kinds, in reading order.
std::span<const JobKind> job_table();

/// The function of that kind. Throws core::Error "request-invalid" naming the kinds there are.
JobFunction find_job(std::string_view kind);

}  // namespace amalgam::jobs
