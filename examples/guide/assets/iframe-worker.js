// The search of these pages runs in a worker, and browsers start none for pages that were opened
// as files. There a hidden frame does its work. Its script knows by the name that it is in one.
if (location.protocol === "file:") {
  window.IFrameWorker = class IFrameWorker extends EventTarget {
    constructor(url) {
      super()
      const frame = document.createElement("iframe")
      frame.hidden = true
      this.ready = new Promise(ready => {
        const start = () => {
          document.body.append(frame)
          const inside = frame.contentWindow
          inside.postMessage = data => this.answer(data)
          const script = inside.document.createElement("script")
          script.onload = () => ready(inside)
          script.src = url
          inside.document.body.append(script)
        }
        document.body ? start() : document.addEventListener("DOMContentLoaded", start)
      })
    }

    answer(data) {
      const message = new MessageEvent("message", { data })
      this.dispatchEvent(message)
      if (this.onmessage) this.onmessage(message)
    }

    postMessage(data) {
      this.ready.then(inside => inside.dispatchEvent(new MessageEvent("message", { data })))
    }
  }
  window.Worker = window.IFrameWorker
}
