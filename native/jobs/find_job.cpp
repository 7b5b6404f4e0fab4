#include <string>

#include "core/error.h"
#include "jobs/job_table.h"

namespace amalgam::jobs {

JobFunction find_job(std::string_view kind) {
  std::string names;
  for (const JobKind& row : job_table()) {
    if (row.name == kind) return row.run;
    names += names.empty() ? "" : ", ";
    names += row.name;
  }
  throw core::Error("request-invalid", "There is no job \"" + std::string(kind) + "\"; there are " + names + ".");
}

}  // namespace amalgam::jobs
