// Send the examples of /docs from the page. Without this script the page still says everything.
for (const form of document.querySelectorAll('form')) {
  const [body, stream] = [form.querySelector('textarea'), form.querySelector('input')];
  const [button, output] = [form.querySelector('button'), form.querySelector('pre')];
  form.hidden = false;
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    button.disabled = true;
    output.hidden = false;
    output.textContent = '…';
    try {
      const headers = { 'Content-Type': 'application/json' };
      if (stream?.checked) headers.Accept = 'text/event-stream';
      const answer = await fetch(form.dataset.path, { method: 'POST', headers, body: body.value });
      output.textContent = `${answer.status} ${answer.statusText}\n`;
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      for (let part = await reader.read(); !part.done; part = await reader.read()) {
        output.append(part.value);
      }
    } catch (error) {
      output.append(String(error));
    }
    button.disabled = false;
  });
}
