// Reads the parameters of a method from JSON into the generated structs. TypeScript fills in defaults and checks
// ranges; here every parameter must be there and be of its type.
#pragma once

#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "core/error.h"
#include "core/json.h"

namespace amalgam::methods {

/// One object of parameters and its place in the request, for messages.
struct ParamObject {
  const core::Json& values;
  std::string place;  ///< "job.params" or "job.adapters[2].params"
};

inline core::Error parameter_error(const ParamObject& params, std::string_view id, const std::string& what) {
  return {"parameter-invalid", params.place + "." + std::string(id) + " " + what + "."};
}

/// Refuses a parameter that the method does not have.
inline void check_names(const ParamObject& params, std::initializer_list<std::string_view> known) {
  for (const auto& [name, value] : params.values.as_object(params.place)) {
    bool found = false;
    for (const std::string_view id : known) found = found || id == name;
    if (!found) throw parameter_error(params, name, "is no parameter of this method");
  }
}

inline const core::Json& find_param(const ParamObject& params, std::string_view id) {
  if (const core::Json* value = params.values.find(id)) return *value;
  throw parameter_error(params, id, "is missing");
}

inline double read_number(const ParamObject& params, std::string_view id) {
  const core::Json& value = find_param(params, id);
  if (value.is_number() && std::isfinite(value.as_number(id))) return value.as_number(id);
  throw parameter_error(params, id, "must be a finite number");
}

inline std::int64_t read_integer(const ParamObject& params, std::string_view id) {
  try {
    return find_param(params, id).as_int(id);
  } catch (const core::Error& error) {
    if (error.code == "parameter-invalid") throw;
    throw parameter_error(params, id, "must be a whole number");
  }
}

inline bool read_flag(const ParamObject& params, std::string_view id) {
  try {
    return find_param(params, id).as_bool(id);
  } catch (const core::Error& error) {
    if (error.code == "parameter-invalid") throw;
    throw parameter_error(params, id, "must be true or false");
  }
}

template <typename Choice>
Choice read_choice(const ParamObject& params, std::string_view id,
                   std::initializer_list<std::pair<std::string_view, Choice>> choices) {
  const core::Json& value = find_param(params, id);
  std::string names;
  for (const auto& [name, choice] : choices) {
    if (value.is_string() && value.as_string(id) == name) return choice;
    names += (names.empty() ? "" : ", ") + std::string(name);
  }
  throw parameter_error(params, id, "must be one of " + names);
}

}  // namespace amalgam::methods
