// Shows an error when a script of the page does not load, is not understood by an old
// browser, or fails unexpectedly. In old syntax, see boot.js.

/** @param {string} what */
function show(what) {
  var banner = document.getElementById('error-banner')
  var text = document.getElementById('error-text')
  if (!banner || !text || !banner.hidden) return
  text.textContent = what + '. Reload the page; if that does not help, use a current version of Chrome, Edge, Firefox or Safari.'
  banner.hidden = false
  var close = document.getElementById('error-close')
  if (close) close.onclick = banner.setAttribute.bind(banner, 'hidden', '')
}

/** @param {ErrorEvent} event */
function failed(event) {
  var target = event.target
  if (target instanceof HTMLScriptElement) show('The script "' + target.getAttribute('src') + '" did not load')
  else if (event.message && !/ResizeObserver/.test(event.message)) show('A script of the page failed: ' + event.message)
}

addEventListener('error', /** @type {EventListener} */ (failed), true)
addEventListener('unhandledrejection', function (event) {
  show('A script of the page failed: ' + (event.reason && event.reason.message || event.reason))
})

export {}
