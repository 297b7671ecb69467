// @ts-check
/**
 * Errors of a field of a call.
 *
 * @import { FieldError } from './tweedie.js'
 */

/**
 * Returns an error that names the field, its value and what is allowed.
 * @param {ErrorConstructor} Kind
 * @param {string} field @param {unknown} got @param {string} want completes "field must be …"
 * @returns {FieldError}
 */
export function fieldError(Kind, field, got, want) {
  return withField(new Kind(`tweedie: ${field} must be ${want} (got ${got})`), { field, got: String(got), want })
}

/**
 * @param {Error} error
 * @param {{ field: string, got: string, want: string }} detail
 * @returns {FieldError}
 */
export function withField(error, { field, got, want }) {
  return Object.assign(error, { field, got, want })
}
