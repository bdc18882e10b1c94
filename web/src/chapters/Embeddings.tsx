export default function Embeddings() {
  return <p>Embeddings</p>;
}
