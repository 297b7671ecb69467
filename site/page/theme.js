// The theme, decided before the first paint. A classic script, so that it runs
// before the style sheet is applied; the page's policy allows no inline one.
//
// The visitor's choice is kept in localStorage; without one the system's decides.
(() => {
  const root = document.documentElement
  const dark = matchMedia('(prefers-color-scheme: dark)')

  /** @returns {string | null} 'light', 'dark', or null where nothing was chosen or storage is closed */
  const chosen = () => {
    try {
      const theme = localStorage.getItem('tweedie-theme')
      return theme === 'light' || theme === 'dark' ? theme : null
    } catch {
      return null
    }
  }

  const apply = () => {
    const theme = chosen() ?? root.dataset.chosen ?? (dark.matches ? 'dark' : 'light')
    root.dataset.theme = theme
    document.getElementById('theme')?.setAttribute('aria-pressed', String(theme === 'dark'))
  }

  const toggle = () => {
    const theme = root.dataset.theme === 'dark' ? 'light' : 'dark'
    root.dataset.chosen = theme
    try {
      localStorage.setItem('tweedie-theme', theme)
    } catch {
      // Storage may be closed: the choice then lasts as long as the page.
    }
    apply()
  }

  apply()
  dark.addEventListener('change', apply)
  document.addEventListener('DOMContentLoaded', () => {
    apply()
    document.getElementById('theme')?.addEventListener('click', toggle)
  })
})()
