// Shows an error when a script of the page does not load, is not understood by an old
// browser, or fails unexpectedly. In old syntax, see boot.js.

/** @param {string} what */
function show(what) {
  var notice = document.getElementById('notice')
  var text = document.getElementById('notice-text')
  if (!notice || !text || !notice.hidden) return
  text.textContent = 'page: ' + what + '. Reload the page; if that does not help, use a recent Chrome, Edge, Firefox or Safari'
  notice.hidden = false
  var close = document.getElementById('notice-close')
  if (close) close.onclick = notice.setAttribute.bind(notice, 'hidden', '')
}

/** @param {ErrorEvent} event */
function failed(event) {
  var target = event.target
  if (target instanceof HTMLScriptElement) show('script "' + target.getAttribute('src') + '" did not load')
  else if (event.message && !/ResizeObserver/.test(event.message)) show('script failed: ' + event.message)
}

addEventListener('error', /** @type {EventListener} */ (failed), true)
addEventListener('unhandledrejection', function (event) {
  show('script failed: ' + (event.reason && event.reason.message || event.reason))
})

export {}
