// Says so when a script of the page does not arrive, is not understood by an old
// browser, or fails where nobody foresaw it. A classic script in old syntax, so
// that it runs where the others do not.
(function () {
  'use strict'

  /** @param {string} what */
  function tell(what) {
    var notice = document.getElementById('notice')
    var text = document.getElementById('notice-text')
    if (!notice || !text || !notice.hidden) return
    text.textContent = 'page: ' + what + '. Reload the page; if that does not help, need a recent Chrome, Edge, Firefox or Safari'
    notice.hidden = false
    var close = document.getElementById('notice-close')
    if (close) close.onclick = notice.setAttribute.bind(notice, 'hidden', '')
  }

  /** @param {ErrorEvent} event */
  function failed(event) {
    var target = event.target
    if (target instanceof HTMLScriptElement) tell('script "' + target.getAttribute('src') + '": not loaded')
    else if (event.message && !/ResizeObserver/.test(event.message)) tell('script failed: ' + event.message)
  }

  addEventListener('error', /** @type {EventListener} */ (failed), true)
  addEventListener('unhandledrejection', function (event) {
    tell('script failed: ' + (event.reason && event.reason.message || event.reason))
  })
})()
