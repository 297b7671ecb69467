// The theme, chosen before the first paint: the visitor's choice, which localStorage
// keeps, or else the system's. In old syntax, see boot.js.

var key = 'tweedie-theme'
var root = document.documentElement
var systemDark = matchMedia('(prefers-color-scheme: dark)')
/** @type {string | null} the choice of this visit, where storage is not available */
var chosen = null

/** @returns {string | null} 'light' or 'dark', or null where the visitor has not chosen */
function choice() {
  try {
    var theme = localStorage.getItem(key)
    return theme === 'light' || theme === 'dark' ? theme : chosen
  } catch (_) {
    return chosen
  }
}

function apply() {
  var theme = choice() || (systemDark.matches ? 'dark' : 'light')
  root.setAttribute('data-theme', theme)
  var button = document.getElementById('theme')
  if (button) button.setAttribute('aria-pressed', String(theme === 'dark'))
}

function toggle() {
  chosen = root.getAttribute('data-theme') === 'dark' ? 'light' : 'dark'
  try {
    localStorage.setItem(key, chosen)
  } catch (_) {
    // Storage is not available: the choice lasts as long as the page.
  }
  apply()
}

apply()
if (systemDark.addEventListener) systemDark.addEventListener('change', apply)
document.addEventListener('DOMContentLoaded', function () {
  apply()
  var button = document.getElementById('theme')
  if (button) button.addEventListener('click', toggle)
})

export {}
