// @ts-nocheck: runs in the browser, whose types are not part of this program.
const list = document.querySelector('#chat')
const state = document.querySelector('#state')
const form = document.querySelector('#say')
let socket

// The session cookie authorizes the upgrade: a page cannot set its headers, and a token in a URL ends up in logs.
function connect() {
  const url = new URL(list.dataset.socket, location.href)
  url.protocol = url.protocol.replace('http', 'ws')
  let wasOpen = false
  socket = new WebSocket(url)
  socket.addEventListener('open', () => {
    wasOpen = true
    state.textContent = 'Connected'
  })
  socket.addEventListener('message', ({ data }) => {
    const { from, text } = JSON.parse(data)
    const item = document.createElement('li')
    item.textContent = from === undefined ? text : `${from}: ${text}`
    list.append(item)
  })
  socket.addEventListener('close', () => {
    state.textContent = wasOpen ? 'Reconnecting' : 'Refused: not logged in, or the server is down'
    // The server authorizes each new connection. A refused page does not reconnect: the user has to log in first.
    if (wasOpen) setTimeout(connect, 1000)
  })
}

form?.addEventListener('submit', (event) => {
  event.preventDefault()
  socket.send(new FormData(form).get('text'))
  form.reset()
})

connect()
